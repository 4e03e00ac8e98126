/** The two ways a message takes, live and when a device comes back, drawn as steps that show what was measured last. */

import { title } from './card.ts';
import type { Publication } from './channel.ts';
import type { Arrival, CatchUp, Device } from './device.ts';
import { element, glow, inMs } from './dom.ts';

interface Step {
  element: HTMLElement;
  show(time: string, what?: string): void;
}

/** One run of a Lambda, as the local stack tells it. */
interface LambdaRun {
  name: string;
  milliseconds: number;
}

export interface Paths {
  element: HTMLElement;
  sent(fromDevice: string, toUser: string): void;
  published(publication: Publication): void;
  arrived(device: Device, arrival: Arrival): void;
  caughtUp(catchUp: CatchUp): void;
  ran(run: LambdaRun): void;
}

export function createPaths(): Paths {
  const publish = step('A device sends', 'POST /notifications');
  const notify = step('notify λ', 'checks, stores, looks up, posts');
  const log = step('Messages', 'the next seq of the user');
  const connections = step('Connections', 'who is there');
  const devices = step('Devices', 'hear it live');
  const message = step('message λ', 'takes their acks');
  const comeback = step('A device comes', 'WebSocket handshake');
  const authorizer = step('authorizer λ', 'checks the token');
  const connect = step('connect λ', 'writes a row');
  const reconcile = step('reconcile λ', 'driven by the row’s stream');
  const caughtUp = step('The device', 'has what it missed');
  const lambdas = new Map(Object.entries({ notify, message, authorizer, connect, reconcile }));
  const live = row('Live', [publish, notify, log, connections, devices, message]);
  const back = row('Coming back', [comeback, authorizer, connect, reconcile, caughtUp]);
  let heard: string[] = [];

  return {
    element: element('div.rows', {}, live, back),
    sent(fromDevice, toUser) {
      heard = [];
      publish.show('…', `${fromDevice} → ${title(toUser)}`);
      for (const one of [log, connections, devices]) one.show('…');
    },
    published({ answeredMs, result }) {
      publish.show(`answered in ${inMs(answeredMs)}`);
      log.show(`seq ${result.seq}`);
      const excluded = result.excluded > 0 ? `, ${result.excluded} left out` : '';
      connections.show(`${result.sent} posted${excluded}`, `${result.connections} connected`);
      if (heard.length === 0) devices.show('none heard it');
    },
    arrived({ name, channel }, { id, how, milliseconds }) {
      if (how !== 'live' || milliseconds === undefined || id !== channel.lastSentId) return;
      heard.push(`${name} ${inMs(milliseconds)}`);
      devices.show(heard.slice(-3).join(', '));
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
  return {
    element: made,
    show(text, changed) {
      time.textContent = text;
      if (changed !== undefined) meaning.textContent = changed;
      glow(made, '--live');
    },
  };
}
