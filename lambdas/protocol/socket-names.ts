/**
 * Rows of STOMP's sockets stand among those of users' connections, whose stream they need, under
 * names that no user can have: a user's id has no control characters.
 */
const SOCKET = '\u0001';
const PENDING = '\u0002';

export const socketName = (connectionId: string): string => SOCKET + connectionId;
export const pendingName = (shard: number): string => `${PENDING}${shard}`;
export const isSocketName = (userId: string): boolean => userId.startsWith(SOCKET);
export const isPendingName = (userId: string): boolean => userId.startsWith(PENDING);

/** The second part of a pending socket's key: all of one address stand together. */
export const pendingSort = (address: string, connectionId: string): string => `${address} ${connectionId}`;

export function pendingIn(sort: string): { address: string; connectionId: string } {
  const [address = '', connectionId = ''] = sort.split(' ');
  return { address, connectionId };
}
