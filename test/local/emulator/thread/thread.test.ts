/** The thread of the Lambdas: a run is answered or fails, whatever becomes of the thread, and the next one finds it running. */
import { afterEach, expect, it } from 'vitest';
import { startThreadLambdas, type ThreadLambdas } from '../../../../local/emulator/thread/lambdas.ts';

const runtime = new URL('./thread-program.ts', import.meta.url);

let lambdas: ThreadLambdas | undefined;
afterEach(async () => {
  await lambdas?.stop();
  lambdas = undefined;
});

async function start(
  environment: Record<string, string> = {},
  limitMs: (name: string) => number = () => 60_000,
): Promise<ThreadLambdas> {
  lambdas = await startThreadLambdas({ names: [], environment, quiet: true, runtime, limitMs });
  return lambdas;
}

const ENDED = { name: 'LambdaError', errorType: 'Runtime.ExitError' };

it('answers each run with its own result', async () => {
  const { invoke } = await start();
  const events = Array.from({ length: 20 }, (_, number) => ({ number }));
  expect(await Promise.all(events.map((event) => invoke('echo', event)))).toEqual(events);
});

it('tells why a run failed', async () => {
  const { invoke } = await start();
  await expect(invoke('fail', {})).rejects.toMatchObject({
    name: 'LambdaError',
    errorType: 'TypeError',
    message: 'no',
  });
});

it('fails what was under way when the thread ends, and starts one thread for those that come after', async () => {
  const { invoke } = await start();
  const first = await invoke('thread', {});
  const underWay = [invoke('never answers', {}), invoke('crash', {}), invoke('never answers', {})];
  for (const run of underWay) await expect(run).rejects.toMatchObject(ENDED);
  const next = await Promise.all([invoke('thread', {}), invoke('thread', {}), invoke('thread', {})]);
  expect(new Set(next).size).toBe(1);
  expect(next[0]).not.toBe(first);
});

it('ends a run that lets nothing else happen', async () => {
  const { invoke } = await start({}, (name) => (name === 'spin' ? 1 : 60_000));
  await expect(invoke('spin', {})).rejects.toMatchObject({ errorType: 'Sandbox.Timedout' });
  expect(await invoke('echo', 'again')).toBe('again');
});

it.each(['exits', 'throws'])('does not start when the program %s as it loads', async (LOADING) => {
  await expect(start({ LOADING })).rejects.toMatchObject(ENDED);
});

it('runs nothing any more once it was stopped', async () => {
  const { invoke, stop } = await start();
  const underWay = invoke('never answers', {});
  await Promise.all([stop(), expect(underWay).rejects.toMatchObject(ENDED)]);
  await expect(invoke('echo', {})).rejects.toMatchObject(ENDED);
});
