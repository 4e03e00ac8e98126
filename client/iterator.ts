/** The messages as an async iterator. Its back-pressure is the dispatcher's: a message is finished when the next is asked for. */
import type { Dispatcher } from './dispatcher.ts';
import type { Message } from './types.ts';

/** How the messages ended: without an error when we closed them. */
export interface Ending {
  error: Error | undefined;
}

/** Takes part from the first `next()` on. A message whose loop is left, by `break` or an error, is finished too. */
export async function* iterate(
  dispatcher: Dispatcher,
  ended: Promise<Ending>,
): AsyncGenerator<Message, undefined, undefined> {
  let finish = () => {};
  let leave = () => {};
  let arrive: (message?: Message) => void = () => {};
  let ending: Ending | undefined;
  const take = (message: Message) =>
    new Promise<void>((resolve) => {
      finish = resolve;
      arrive(message);
    });
  void ended.then((how) => {
    ending = how;
    arrive();
  });

  try {
    while (!ending) {
      const next = new Promise<Message | undefined>((resolve) => {
        arrive = resolve;
      });
      finish();
      leave = dispatcher.add(take);
      const message = await next;
      if (message) yield message;
    }
    if (ending.error) throw ending.error;
  } finally {
    finish();
    leave();
  }
}
