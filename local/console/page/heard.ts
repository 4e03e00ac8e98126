/** On a card: what the device hears besides its own user, each channel with its own strip and its newest messages. */
import { arrivalRows } from './arrivals.ts';
import type { Channel } from './channel.ts';
import type { Device } from './device.ts';
import { element } from './dom.ts';
import type { Hearing } from './hearing.ts';
import type { Why } from './listening.ts';
import { refusalOf } from './reasons.ts';
import { stripOf } from './strip.ts';

const SHOWN_ARRIVALS = 2;

const WHY: Record<Why, string> = { everyone: 'heard by all', joined: 'joined', member: 'as a member' };

/** Everyone is shown once something was sent to it. `topic`: of the page; why the device may not join it is told too. */
export function heardOf({ name, listening }: Device, topic: Channel): HTMLElement[] {
  const shown = listening.all.filter(({ channel }) => channel.kind === 'topic' || channel.head > 0);
  const refusal = listening.refusalOf(topic.name);
  return [
    ...shown.map((hearing) => block(hearing, name, listening.whyItHears(hearing.channel.name))),
    ...(refusal === undefined ? [] : [element('p.why', {}, refusalOf(topic.title, refusal))]),
  ];
}

function block(hearing: Hearing, deviceName: string, why: Why | undefined): HTMLElement {
  const { channel, hasBegun } = hearing;
  return element(
    'section.heard',
    { 'aria-label': `${channel.title} on ${deviceName}`, 'data-channel': channel.name },
    element('h4', {}, channel.title, element('small', {}, why === undefined ? '' : WHY[why])),
    element(
      'ol.strip',
      { 'aria-label': `What ${deviceName} has of ${channel.title}` },
      ...(hasBegun ? stripOf(hearing) : []),
    ),
    element(
      'ol.arrivals',
      { 'aria-label': `Newest messages of ${channel.title} on ${deviceName}` },
      ...arrivalRows(hearing, SHOWN_ARRIVALS),
    ),
  );
}
