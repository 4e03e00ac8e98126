/** Sends what is typed from a device to a channel, and tells on the page what became of it. */
import type { Channel, Publication } from './channel.ts';
import type { Compose } from './compose.ts';
import type { Device } from './device.ts';
import { inMs } from './dom.ts';
import { nameOf } from './names.ts';
import type { Paths } from './paths.ts';

interface Told {
  compose: Compose;
  paths: Paths;
  summary: HTMLElement;
  changed(channel: Channel): void;
}

export type Send = (from: Device, channel: Channel, times: number) => Promise<void>;

export function createSending({ compose, paths, summary, changed }: Told): Send {
  /** One after the other: the seqs follow the order. */
  return async (from, channel, times) => {
    for (let number = 1; number <= times; number++) {
      paths.sent(from.id, channel);
      try {
        const publication = await channel.publish(compose.draft(times > 1 ? number : undefined), from);
        compose.accepted();
        paths.published(publication);
        from.stayedSilent(channel, publication.result.seq, publication.text);
        summary.textContent = summaryOf(from, publication);
      } catch (error) {
        compose.refused(error);
        summary.textContent = `Not sent: ${error instanceof Error ? error.message : error}`;
        return;
      }
      changed(channel);
    }
  };
}

function summaryOf(from: Device, { text, channel, answeredMs, result }: Publication): string {
  const { seq, sent, excluded, queued } = result;
  const silent = excluded > 0 ? `, ${from.name} stays silent` : '';
  const posted = `posted to ${sent} ${sent === 1 ? 'connection' : 'connections'}`;
  const rest = queued > 0 ? `, about ${queued} more by the fan-out` : '';
  return `“${text}” from ${nameOf(from)} is #${seq} of ${channel.title}: ${posted}${rest}${silent}; answered in ${inMs(answeredMs)}.`;
}
