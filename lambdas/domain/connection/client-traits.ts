/**
 * What the clients of a dialect do for themselves: where they do not, the server has to. How a
 * connection is served is decided by this, and nowhere by the name of its dialect.
 */
import type { DialectName } from '../../protocol/frames.ts';
import { isStomp } from '../../protocol/stomp.ts';

export interface ClientTraits {
  /**
   * It puts messages in order, drops doubles and asks for what it lacks. Where it does not, a pump
   * serves its connection: one sender at a time.
   */
  sorts: boolean;
  /** It is told of what it hears without asking. Where not, it hears what it subscribes to. */
  learnsOfTopics: boolean;
  /**
   * It stays away when a newer connection of its device has replaced it. Where not, two tabs with
   * one device id would throw each other out for ever.
   */
  yields: boolean;
}

const HERALD: ClientTraits = { sorts: true, learnsOfTopics: true, yields: true };
const STOMP: ClientTraits = { sorts: false, learnsOfTopics: false, yields: false };

export const traitsOf = (dialect: DialectName): ClientTraits => (isStomp(dialect) ? STOMP : HERALD);
