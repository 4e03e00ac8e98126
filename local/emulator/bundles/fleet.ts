/** The processes of one Lambda: started on demand up to a bound, each with one event at a time, as Lambda's are. */
import { LambdaError, within } from '../lambdas.ts';
import type { Instance, ToInstance } from './instance.ts';

/** Lambda starts a thousand; what exceeds this many here waits for one to be free. */
const MAX_INSTANCES = 4;

export interface Fleet {
  /** Rejects with `late()` when the Lambda is not done in time; its process is ended then, as Lambda does. */
  invoke(message: () => ToInstance, timeoutMs: number, late: () => LambdaError): Promise<unknown>;
  stop(): Promise<void>;
}

type Waiter = PromiseWithResolvers<Instance>;

/** `first`: one that is loaded already. */
export function createFleet(first: Instance, startAnother: () => Promise<Instance>): Fleet {
  const instances = new Set([first]);
  const idle = [first];
  const waiting: Waiter[] = [];
  const starting = new Set<Promise<void>>();
  let stopping = false;

  function free(instance: Instance): void {
    const next = waiting.shift();
    if (next) next.resolve(instance);
    else idle.push(instance);
  }

  function grow(): void {
    const started = startAnother()
      .then(
        (instance) => {
          instances.add(instance);
          free(instance);
        },
        (error) => waiting.shift()?.reject(error),
      )
      .finally(() => starting.delete(started));
    starting.add(started);
  }

  /** Whichever comes first: one that has become free, or a new one. */
  async function take(): Promise<Instance> {
    const instance = idle.pop();
    if (instance?.hasEnded) {
      instances.delete(instance);
      return await take();
    }
    if (instance) return instance;
    const waiter: Waiter = Promise.withResolvers();
    waiting.push(waiter);
    if (!stopping && instances.size + starting.size < MAX_INSTANCES) grow();
    return await waiter.promise;
  }

  /** One that has ended makes room for another, which a waiting event may need. */
  function giveBack(instance: Instance): void {
    if (!instance.hasEnded) {
      free(instance);
      return;
    }
    instances.delete(instance);
    if (!stopping && waiting.length > starting.size) grow();
  }

  return {
    async invoke(message, timeoutMs, late) {
      const instance = await take();
      try {
        return await within(timeoutMs, instance.run(message()), late);
      } catch (error) {
        if (error instanceof LambdaError && error.errorType === late().errorType) await instance.end();
        throw error;
      } finally {
        giveBack(instance);
      }
    },
    async stop() {
      stopping = true;
      const gone = new LambdaError('Runtime.ExitError', 'The stack stops');
      for (const waiter of waiting.splice(0)) waiter.reject(gone);
      await Promise.all(starting);
      await Promise.all([...instances].map((instance) => instance.end()));
    },
  };
}
