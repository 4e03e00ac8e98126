/** The two ways a message takes, live and when a device comes back, drawn as steps that show what was measured last. */
import type { Channel, Publication } from './channel.ts';
import type { CatchUp, Device } from './device.ts';
import { element, glow, inMs } from './dom.ts';
import type { Arrival } from './hearing.ts';

interface Step {
  element: HTMLElement;
  show(time: string, what?: string): void;
  /** What it does, without a new time. */
  tell(what: string): void;
}

/** One run of a Lambda, as the local stack tells it. */
interface LambdaRun {
  name: string;
  milliseconds: number;
}

export interface Paths {
  element: HTMLElement;
  sent(fromDevice: string, channel: Channel): void;
  published(publication: Publication): void;
  arrived(device: Device, channel: Channel, arrival: Arrival): void;
  caughtUp(catchUp: CatchUp): void;
  ran(run: LambdaRun): void;
}

export function createPaths(): Paths {
  const publish = step('A device sends', 'POST /notifications');
  const notify = step('notify λ', 'checks, stores, looks up, posts');
  const log = step('Messages', 'the next seq of the log');
  const connections = step('Connections', 'who hears it');
  const fanOut = step('fan-out λ', 'serves the rest of many');
  const devices = step('Devices', 'hear it live');
  const message = step('message λ', 'takes their acks');
  const comeback = step('A device comes', 'WebSocket handshake');
  const authorizer = step('authorizer λ', 'checks the token');
  const connect = step('connect λ', 'writes a row');
  const reconcile = step('reconcile λ', 'driven by the row’s stream');
  const caughtUp = step('The device', 'has what it missed');
  const lambdas = new Map(
    Object.entries({ notify, message, authorizer, connect, reconcile, 'fan-out': fanOut }),
  );
  const live = row('Live', [publish, notify, log, connections, fanOut, devices, message]);
  const back = row('Coming back', [comeback, authorizer, connect, reconcile, caughtUp]);
  let heard: string[] = [];

  return {
    element: element('div.rows', {}, live, back),
    sent(fromDevice, channel) {
      heard = [];
      publish.show('…', `${fromDevice} → ${channel.title}`);
      for (const one of [log, connections, devices]) one.show('…');
      fanOut.show('–', 'serves the rest of many');
    },
    published({ answeredMs, result }) {
      publish.show(`answered in ${inMs(answeredMs)}`);
      log.show(`seq ${result.seq}`);
      const excluded = result.excluded > 0 ? `, ${result.excluded} left out` : '';
      connections.show(`${result.sent} posted${excluded}`, `${result.connections} before the answer`);
      fanOut.tell(result.queued > 0 ? `about ${result.queued} queued for it` : 'none left for it');
      if (heard.length === 0) devices.show('none heard it');
    },
    arrived({ name, id: deviceId }, channel, { id, how, milliseconds }) {
      if (how !== 'live' || milliseconds === undefined || id !== channel.lastSentId) return;
      heard.push(`${channel.kind === 'user' ? name : deviceId} ${inMs(milliseconds)}`);
      devices.show(heard.length > 3 ? `${heard.length}, the last ${heard.at(-1)}` : heard.join(', '));
    },
    caughtUp({ device, readyMs, totalMs, messages }) {
      comeback.show(`ready in ${inMs(readyMs)}`, device.id);
      caughtUp.show(`${messages} replayed, ${inMs(totalMs)}`, device.id);
    },
    ran({ name, milliseconds }) {
      lambdas.get(name)?.show(`ran ${inMs(milliseconds)}`);
    },
  };
}

function row(name: string, steps: Step[]): HTMLElement {
  const id = `path-${name.replace(' ', '-').toLowerCase()}`;
  return element(
    'div',
    {},
    element('h3', { id }, name),
    element('ol.path', { 'aria-labelledby': id }, ...steps.map((one) => one.element)),
  );
}

function step(name: string, what: string): Step {
  const time = element('span.time', {}, '–');
  const meaning = element('span.what', {}, what);
  const made = element('li', {}, element('strong', {}, name), meaning, time);
  const tell = (changed: string) => {
    meaning.textContent = changed;
  };
  return {
    element: made,
    tell,
    show(text, changed) {
      time.textContent = text;
      if (changed !== undefined) tell(changed);
      glow(made, '--live');
    },
  };
}
