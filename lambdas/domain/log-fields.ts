/** How the nouns are named in the logs. */
import type { ConnectionKey } from './model.ts';

export const logged = ({ userId, connectionId }: ConnectionKey) => ({ userId, connectionId });
