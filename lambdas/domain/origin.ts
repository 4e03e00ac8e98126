/** Who caused a message, and is therefore not told of it. */
import type { MessageOrigin } from '../protocol/notification.ts';
import type { Channel, Connection, Message } from './model.ts';

/** Who hears a message. */
export type Hearer = Pick<Connection, 'userId' | 'deviceId'>;

/**
 * What a message keeps of whoever caused it: a device of the channel's user, a user with all
 * devices, or one device of a user; with a `tab`, one tab of that device.
 */
export type Origin = Pick<Message, 'originUserId' | 'originDeviceId' | 'originTab'>;

/**
 * The origin as a channel keeps it. Of a message to several users the origin stands only in the
 * channel of its own user: device ids are a user's own, and another user's `phone` caused nothing.
 */
export function originIn(channel: Channel, { userId, deviceId, tab }: MessageOrigin): Origin {
  const origin = { originUserId: userId, originDeviceId: deviceId, originTab: tab };
  if (channel.kind !== 'user') return origin;
  const isOwn = userId === undefined || userId === channel.owner;
  return isOwn ? { ...origin, originUserId: undefined } : NO_ONE;
}

const NO_ONE: Origin = { originUserId: undefined, originDeviceId: undefined, originTab: undefined };

/** Whether the hearer is the origin as a whole, so that nothing is posted to it. */
export const isExcluded = (origin: Origin, hearer: Hearer): boolean =>
  origin.originTab === undefined && isOrigin(origin, hearer);

/** The tab of the hearer's device that caused the message. Undefined: none did. */
export const originTabFor = (origin: Origin, hearer: Hearer): string | undefined =>
  isOrigin(origin, hearer) ? origin.originTab : undefined;

function isOrigin({ originUserId, originDeviceId }: Origin, { userId, deviceId }: Hearer): boolean {
  if (originUserId === undefined && originDeviceId === undefined) return false;
  if (originUserId !== undefined && originUserId !== userId) return false;
  return originDeviceId === undefined || originDeviceId === deviceId;
}
