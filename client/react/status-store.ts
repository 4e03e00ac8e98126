/** The status of a client. */
import type { Herald, Status } from '../types.ts';
import { emptyStore, onceFor, type Store } from './store.ts';

const CONNECTING: Status = { state: 'connecting' };

const NO_STATUS = emptyStore(CONNECTING);

const storeOf = onceFor(
  (herald: Herald): Store<Status> => ({
    subscribe: (changed) => herald.on('status', changed),
    view: () => herald.status,
    empty: CONNECTING,
  }),
);

export const statusStore = (herald: Herald | undefined): Store<Status> =>
  herald ? storeOf(herald) : NO_STATUS;
