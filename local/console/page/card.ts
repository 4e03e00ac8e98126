/** One device as a card: how it is, what it got, what it lacks, its bell and its buttons. */
import '../../../client/bell.ts';
import { arrivalRows } from './arrivals.ts';
import type { Channel } from './channel.ts';
import type { Device } from './device.ts';
import { button, element, enable, onceAFrame } from './dom.ts';
import { heardOf } from './heard.ts';
import { textOf } from './hearing.ts';
import { title } from './names.ts';
import type { Frame } from './network.ts';
import { reasonOf } from './reasons.ts';
import { stripOf } from './strip.ts';
import { createTopicButton } from './topic-button.ts';

export interface CardActions {
  /** Sends from this device. */
  send(channel: Channel): unknown;
  /** To whom it may send, at the moment. */
  recipients(): Channel[];
  /** The topic of the page, at the moment. */
  topic(): Channel;
}

const SHOWN_ARRIVALS = 4;

export interface Card {
  element: HTMLElement;
  update(): void;
}

export function createCard(device: Device, actions: CardActions): Card {
  const pill = element('span.pill');
  const bell = element('herald-bell');
  bell.describe = ({ data }) => ({ title: textOf(data) });
  const why = element('p.why');
  const numbers = element('dl.numbers');
  const strip = element('ol.strip', { 'aria-label': `What ${device.name} has of the log` });
  const arrivals = element('ol.arrivals', { 'aria-label': `Newest messages on ${device.name}` });
  const heard = element('div.others');
  const send = createSend(device, actions);
  const topic = createTopicButton(device, actions.topic);
  const buttons = createButtons(device, topic.element);
  const frames = createFrames(device, buttons.lose);
  const titleId = `title-${device.id}`;
  const card = element(
    'article.card',
    { 'aria-labelledby': titleId, 'data-device': device.id },
    element('header', {}, element('h3', { id: titleId }, icon(device.name), device.name), bell, pill),
    why,
    strip,
    arrivals,
    heard,
    send.element,
    numbers,
    buttons.element,
    frames.element,
  );
  const update = onceAFrame(() => {
    const state = stateOf(device);
    card.dataset.state = state;
    card.dataset.cursor = String(device.own.cursor);
    pill.textContent = wordsOf(device);
    why.textContent = reasonOf(device);
    if (bell.inbox !== device.inbox) bell.inbox = device.inbox;
    strip.replaceChildren(...stripOf(device.own));
    arrivals.replaceChildren(...arrivalRows(device.own, SHOWN_ARRIVALS));
    heard.replaceChildren(...heardOf(device, actions.topic()));
    numbers.replaceChildren(...numbersOf(device));
    send.update();
    topic.update();
    buttons.update();
    frames.update();
  });
  update();
  return { element: card, update };
}

function icon(name: string): HTMLElement {
  return element(`span.icon`, { 'aria-hidden': 'true', 'data-kind': name });
}

const stateOf = ({ network, status }: Device): string => (network.isCut ? 'offline' : status.state);

function wordsOf(device: Device): string {
  const { status, network } = device;
  if (network.isCut) return 'offline';
  if (status.state === 'closed')
    return status.reason === 'client' ? 'disconnected' : status.reason.replaceAll('_', ' ');
  return status.state === 'off' ? 'disconnected' : status.state;
}

function numbersOf({ own: { cursor, acked, behind, gap } }: Device): HTMLElement[] {
  const missing = gap.length > 0 ? `${gap.slice(0, 3).join(', ')}${gap.length > 3 ? ' …' : ''}` : 'none';
  const all: [name: string, value: string, meaning: string][] = [
    ['Cursor', String(cursor), 'All through it is done with'],
    ['Acked', String(acked), 'How far the server has been told'],
    ['Behind', String(behind), 'What the device has yet to get'],
    ['Gap', missing, 'Missing before something that came already'],
  ];
  return all.map(([name, value, meaning]) =>
    element('div', { title: meaning }, element('dt', {}, name), element('dd', {}, value)),
  );
}

function createSend({ name }: Device, { recipients, send }: CardActions) {
  const made = element('div.send', {}, element('span', { 'aria-hidden': 'true' }, 'Send to'));
  let shown: Channel[] = [];
  return {
    element: made,
    /** The buttons stay as they are while their channels do: one of them may have the focus. */
    update() {
      const now = recipients();
      if (now.length === shown.length && now.every((channel, at) => channel === shown[at])) return;
      shown = now;
      const buttons = now.map((channel) =>
        button(channel.title, `Send from ${name} to ${channel.title}`, () => send(channel)),
      );
      made.replaceChildren(...[...made.children].slice(0, 1), ...buttons);
    },
  };
}

function createButtons(device: Device, topic: HTMLElement) {
  const { network } = device;
  const offline = button('Go offline', '', () => (network.isCut ? network.restore() : network.cut()));
  const connection = button('Disconnect', '', () => (isOn(device) ? device.disconnect() : device.connect()));
  const lose = button('Lose the next', '', () => network.loseNext());
  lose.title = 'The one after it shows the gap, and a sync closes it.';
  lose.className = 'lose';
  offline.title = 'Cuts its network. The server is not told and goes on posting.';
  const name = (control: HTMLButtonElement, text: string) => {
    control.textContent = text;
    control.setAttribute('aria-label', `${text}: ${device.name} of ${title(device.userId)}`);
  };
  return {
    element: element('div.controls', {}, offline, connection, topic),
    lose,
    update() {
      name(offline, network.isCut ? 'Come back' : 'Go offline');
      name(connection, isOn(device) ? 'Disconnect' : 'Connect');
      name(lose, network.losesNext ? 'The next live message gets lost' : 'Lose the next live message');
      offline.classList.toggle('primary', network.isCut);
      enable(offline, isOn(device) || network.isCut);
      enable(lose, !network.isCut && !network.losesNext);
    },
  };
}

const isOn = ({ status }: Device): boolean => status.state !== 'off' && status.state !== 'closed';

const ARROWS: Record<Frame['direction'], string> = { in: '←', out: '→', lost: '✕' };

/** Drawn only while open: fifty messages a second need no list that nobody sees. */
function createFrames({ frames, name }: Device, lose: HTMLElement) {
  const count = element('span');
  const list = element('ol.frames', { tabindex: '0', 'aria-label': `Frames of ${name}, newest first` });
  const details = element('details', {}, element('summary', {}, 'Frames ', count), lose, list);
  const update = () => {
    count.textContent = String(frames.length);
    if (details.open) list.replaceChildren(...frames.toReversed().map(frameRow));
  };
  details.addEventListener('toggle', update);
  return { element: details, update };
}

const frameRow = ({ direction, text, at }: Frame): HTMLElement =>
  element(
    'li',
    { 'data-direction': direction },
    element('span.arrow', { 'aria-label': direction }, ARROWS[direction]),
    element('span.at', {}, (at / 1000).toFixed(3)),
    element('code', {}, text),
  );
