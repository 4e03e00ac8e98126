/** A program for the thread of the Lambdas that does what the name of the run says. */
import { randomUUID } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import type { Asked, Told } from '../../../../local/emulator/thread/runtime.ts';

const tell = (message: Told): void => parentPort?.postMessage(message);

if (process.env.LOADING === 'exits') process.exit(0);
if (process.env.LOADING === 'throws') throw new Error('it does not load');

const started = randomUUID();

parentPort?.on('message', ({ run, name, event }: Asked) => {
  switch (name) {
    case 'echo':
      return tell({ run, result: event });
    case 'thread':
      return tell({ run, result: started });
    case 'fail':
      return tell({ run, failure: { errorType: 'TypeError', errorMessage: 'no', trace: [] } });
    case 'crash':
      throw null;
    case 'spin':
      for (;;);
  }
});
tell('loaded');
