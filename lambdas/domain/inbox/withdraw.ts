/** Takes back what was published to a channel: by its seq, or by the id its publisher gave. */
import type { App } from '../app.ts';
import type { Channel } from '../model.ts';
import { deliver } from '../publish/deliver.ts';

/**
 * From when this resolves on, nobody who asks gets the content any more. Who hears the channel is
 * told of the withdrawal as of any message: at once, or by the next replay. Returns what was
 * withdrawn, nothing if it had been before. Then it is told again: whoever called before us may not
 * have come so far. Undefined: no such message is kept.
 */
export async function withdraw(app: App, channel: Channel, seq: number): Promise<number[] | undefined> {
  // Somebody asked for it by hand, and may look for its way.
  const context = { publishedAt: app.clock.now(), traced: true };
  const withdrawn = await app.log.withdraw(channel, seq, app.settings.defaultRetentionSeconds);
  if (withdrawn === undefined) return undefined;
  const { isNew, epoch, withdrawal } = withdrawn;
  app.logger.info('withdrawn', { channel: channel.name, seq, by: withdrawal?.seq, isNew });
  if (withdrawal) await deliver(app, { channel, epoch, message: withdrawal }, context);
  return isNew ? [seq] : [];
}

/** The same for an id: as long as its key is known. */
export async function withdrawById(app: App, channel: Channel, id: string): Promise<number[] | undefined> {
  const seq = await app.log.seqOf(channel, id);
  return seq === undefined ? undefined : await withdraw(app, channel, seq);
}
