/**
 * Tells the application that nobody has answered a message in time. The publisher does not answer
 * before the wake-up is queued; what is due is looked up then, so that a wake-up may come late,
 * twice, or for a message that is gone.
 */
import type { App } from './app.ts';
import { isRead } from './inbox/read-marks.ts';
import { readStateIn } from './inbox/read-state.ts';
import type { Channel, Device, Message, Position, Stored } from './model.ts';
import type { EscalationTask } from './ports/later.ts';
import type { Unanswered } from './ports/unanswered.ts';

export interface EscalationApp
  extends Pick<App, 'log' | 'devices' | 'readStates' | 'bus' | 'later' | 'clock' | 'logger'> {
  unanswered: Unanswered;
}

/** The longest delay of the queue: for a longer one the message is put there again. */
const MAX_DELAY_SECONDS = 900;
/**
 * Nobody else tells the same for so long: longer than the Lambda runs. Example: a publisher's retry
 * has queued the wake-up twice, and two workers find the message unanswered at once.
 */
const LEASE_SECONDS = 60;
/** Devices that the event names: an event holds 256 KB. */
const MAX_DEVICES = 100;

/** A user's own channel. */
type OfUser = Stored & { channel: Channel & { kind: 'user' } };

/**
 * Has the message looked up when it is due, if its publisher wants that. Rejects when that is not
 * queued for certain: the publisher must not be told that it is.
 */
export async function escalateLater(
  app: Pick<App, 'later' | 'clock'>,
  { channel, epoch, message }: Stored,
): Promise<void> {
  const { seq, sentAt, escalate } = message;
  if (escalate === undefined) return;
  const leftMs = sentAt + escalate.afterSeconds * 1000 - app.clock.now();
  await wait(app, { channel, epoch, seq }, Math.max(0, Math.ceil(leftMs / 1000)));
}

async function wait(
  { later }: Pick<App, 'later'>,
  task: Omit<EscalationTask, 'restSeconds'>,
  seconds: number,
): Promise<void> {
  const delaySeconds = Math.min(MAX_DELAY_SECONDS, seconds);
  await later.escalate({ ...task, restSeconds: seconds - delaySeconds }, delaySeconds);
}

/** Does nothing where its reason is gone: then the message needs no answer, or has one. */
export async function lookUpUnanswered(app: EscalationApp, task: EscalationTask): Promise<void> {
  const { channel, epoch, seq, restSeconds } = task;
  if (restSeconds > 0) return await wait(app, task, restSeconds);
  // Undefined: it has expired, was withdrawn or erased, or the numbering is another by now.
  const message = await app.log.find(channel, { epoch, seq });
  if (channel.kind !== 'user' || message?.escalate === undefined) return;
  const stored = { channel, epoch, message };
  const devices = await app.devices.list(channel.owner);
  if (await isAnswered(app, stored, devices)) return;
  const now = app.clock.now();
  const claimed = await app.unanswered.begin(stored, { now, until: now + LEASE_SECONDS * 1000 });
  // Whoever holds the lease may die before the event is out.
  if (claimed === 'taken') return await wait(app, task, LEASE_SECONDS);
  if (claimed !== 'begun') return;
  // The event goes out before that is noted: whoever fails between the two tells it twice.
  await app.bus.put('Message Unanswered', detailOf(stored, devices));
  await app.unanswered.end(stored);
  const { id, sentAt } = message;
  app.logger.metrics({ unanswered: 1 }, 'unanswered', { channel: channel.name, seq, id, sentAt });
}

async function isAnswered(app: EscalationApp, stored: OfUser, devices: Device[]): Promise<boolean> {
  const { channel, epoch, message } = stored;
  if (message.escalate?.unless !== 'read') return devices.some((device) => hasPassed(device, stored));
  const head = { epoch, seq: message.seq, updatedAt: message.sentAt };
  return isRead(readStateIn(head, await app.readStates.find(channel.owner)), message.seq);
}

/**
 * Whether the device was given the message and acknowledged it. The origin passes its own message
 * without an ack; and a new device begins where the user's most advanced one stands, which may be
 * that origin.
 */
function hasPassed({ deviceId, cursors, begun }: Device, { channel, epoch, message }: OfUser): boolean {
  const isThere = (position: Position | undefined) =>
    position?.epoch === epoch && position.seq >= message.seq;
  const { name } = channel;
  return !isOrigin(deviceId, message) && isThere(cursors.get(name)) && !isThere(begun.get(name));
}

const isOrigin = (deviceId: string, { originDeviceId, originTab }: Message): boolean =>
  originDeviceId === deviceId && originTab === undefined;

function detailOf({ channel, epoch, message }: OfUser, devices: Device[]): Record<string, unknown> {
  const { seq, id, type, data, sentAt } = message;
  const lastSeen = devices.toSorted((one, other) => other.lastSeenAt - one.lastSeenAt);
  return {
    ...{ userId: channel.owner, channel: channel.name, seq, id, type, data: JSON.parse(data), sentAt },
    devices: lastSeen.slice(0, MAX_DEVICES).map(({ deviceId, cursors, lastSeenAt }) => {
      const cursor = cursors.get(channel.name);
      return { deviceId, cursor: cursor?.epoch === epoch ? cursor.seq : 0, lastSeenAt };
    }),
  };
}
