// A fresh process: loads a bundle, makes the first call if there is one, and says how long after its start that was done.
const [bundle, event] = process.argv.slice(2);
if (bundle !== 'bare') {
  const { handler } = await import(bundle);
  const context = {
    awsRequestId: '7a1f5e6c-6f3e-4f0d-9d3e-000000000000',
    getRemainingTimeInMillis: () => 29_000,
  };
  if (handler) await handler(JSON.parse(event), context);
}
console.error(`done ${performance.now()}`);
process.exit(0);
