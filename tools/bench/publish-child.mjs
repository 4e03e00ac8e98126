// A fresh process: loads a bundle of `notify`, publishes so many times in a row, and prints the CPU of each and how long it took to load and publish once.
const [bundle, event, count] = process.argv.slice(2);
const WARM_UP = 500;
const context = { awsRequestId: '7a1f5e6c-6f3e-4f0d-9d3e-000000000000' };
const begunAt = performance.now();
const { handler } = await import(bundle);
await handler(JSON.parse(event), context);
const firstMs = performance.now() - begunAt;
for (let round = 0; round < WARM_UP; round++) await handler(JSON.parse(event), context);
const before = process.cpuUsage();
for (let round = 0; round < Number(count); round++) await handler(JSON.parse(event), context);
const { user, system } = process.cpuUsage(before);
console.error(`result ${JSON.stringify({ firstMs, cpuMs: (user + system) / 1000 / Number(count) })}`);
process.exit(0);
