/** Three buttons that show the whole promise, in the order in which it makes sense. */
import type { Channel } from './channel.ts';
import type { Device } from './device.ts';
import { button, element, enable } from './dom.ts';

export interface Cast {
  /** Sends. */
  laptop: Device;
  /** Goes and comes back. */
  phone: Device;
}

type Send = (from: Device, channel: Channel, count: number) => Promise<void>;

export interface Story {
  elements: HTMLElement[];
  update(): void;
}

export function createStory({ laptop, phone }: Cast, send: Send): Story {
  const { channel } = laptop.own;
  const chapters: [title: string, what: string, play: () => unknown][] = [
    [
      'Send from Alice’s laptop',
      'Her phone and tablet light up, the laptop stays silent.',
      () => send(laptop, channel, 1),
    ],
    [
      'Cut off her phone, send 3',
      'The server is not told and posts into the void.',
      async () => {
        phone.network.cut();
        await send(laptop, channel, 3);
      },
    ],
    ['Bring the phone back', 'It gets all it missed, in order, each once.', () => phone.network.restore()],
  ];
  const buttons: HTMLButtonElement[] = [];
  const elements = chapters.map(([title, what, play]) => {
    const made = button(title, title, play);
    buttons.push(made);
    return element('li', {}, made, element('span', {}, what));
  });
  return {
    elements,
    update() {
      for (const [at, made] of buttons.entries())
        enable(made, at === 0 || phone.network.isCut === (at === 2));
    },
  };
}
