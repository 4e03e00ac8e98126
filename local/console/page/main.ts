/** The console: two users, their devices, and what happens between them. It builds the page and wires its parts. */
import { EVERYONE, userChannel } from '../../../lambdas/protocol/channel.ts';
import { type Card, createCard } from './card.ts';
import { type Channel, Channels } from './channel.ts';
import { createCompose } from './compose.ts';
import { type CatchUp, Device } from './device.ts';
import { byId, element, enable, glow, inMs } from './dom.ts';
import { showEvents } from './events.ts';
import type { Surroundings } from './listening.ts';
import { nameOf, title } from './names.ts';
import { noticesOf } from './notices.ts';
import { createPaths } from './paths.ts';
import { fetchSettings, type Settings } from './requests.ts';
import { takeSeat } from './seat.ts';
import { createSending } from './sending.ts';
import { createStory } from './story.ts';
import { createTopicPanel } from './topic.ts';
import { createUserActions, type UserActions } from './user-actions.ts';

const USERS: Record<string, string[]> = { alice: ['laptop', 'phone', 'tablet'], bob: ['laptop', 'phone'] };

const channels = new Channels();
const users = Object.keys(USERS);
const devices = new Map<string, Device>();
const cards = new Map<string, Card>();
const userActions: UserActions[] = [];
const paths = createPaths();
const summary = byId('summary', HTMLElement);
const seat = await takeSeat();
const surroundings: Surroundings = { channels, hasEveryone: true };
const topic = createTopicPanel({ channels, users, changed: offer });
const compose = createCompose((fromId, toChannel) => {
  const from = devices.get(fromId);
  return from && send(from, channels.named(toChannel), compose.count);
});
const send = createSending({ compose, paths, summary, changed: updateAll });

const userChannels = users.map((userId) => channels.named(userChannel(userId).name));
const recipients = (): Channel[] => [
  ...userChannels,
  topic.channel,
  ...(surroundings.hasEveryone ? [channels.named(EVERYONE.name)] : []),
];

function addDevice(userId: string, name: string): Card {
  const device = new Device({ userId, name, seat }, surroundings, {
    changed: updateAll,
    arrived: (channel, arrival) => {
      paths.arrived(device, channel, arrival);
      glow(card.element, arrival.how === 'live' ? '--live' : '--replayed');
    },
    subscribed: topic.refresh,
    caughtUp: (catchUp) => told(catchUp),
  });
  const card = createCard(device, {
    recipients,
    topic: () => topic.channel,
    send: (channel) => send(device, channel, compose.count),
  });
  devices.set(device.id, device);
  cards.set(device.id, card);
  return card;
}

/** What one device learns of a log shows on the others' cards. */
function updateAll(): void {
  for (const card of cards.values()) card.update();
  for (const actions of userActions) actions.update();
  for (const [at, { name, head }] of userChannels.entries()) {
    const shown = document.getElementById(`head-${users[at]}`);
    if (shown) shown.textContent = `log ${name}, head ${head}`;
  }
  topic.update();
  story?.update();
}

function told(catchUp: CatchUp): void {
  paths.caughtUp(catchUp);
  const { device, messages, totalMs } = catchUp;
  if (messages > 0) {
    summary.textContent = `${nameOf(device)} came back and got ${messages} in ${inMs(totalMs)}, in order, each once.`;
  }
}

function userSection(userId: string): HTMLElement {
  const id = `user-${userId}`;
  const made = (USERS[userId] ?? []).map((name) => addDevice(userId, name).element);
  const own = [...devices.values()].filter((device) => device.userId === userId);
  const actions = createUserActions(userId, own, (text) => {
    summary.textContent = text;
  });
  userActions.push(actions);
  return element(
    'section.user',
    { 'aria-labelledby': id },
    element(
      'header',
      {},
      element('h2', { id }, title(userId)),
      element('small', { id: `head-${userId}` }),
      actions.element,
    ),
    element('div.cards', {}, ...made),
  );
}

const wordsOf = ({ kind, title }: Channel): string => (kind === 'topic' ? `topic ${title}` : title);

/** What can be sent from where to where. */
function offer(): void {
  compose.offer(
    [...devices.values()].map((device) => [device.id, nameOf(device)]),
    recipients().map((channel) => [channel.name, wordsOf(channel)]),
  );
  updateAll();
}

byId('users', HTMLElement).append(...users.map(userSection));
byId('paths', HTMLElement).append(paths.element);
const deviceOf = (userId: string, name: string) =>
  [...devices.values()].find((device) => device.userId === userId && device.name === name);
const [laptop, phone] = [deviceOf('alice', 'laptop'), deviceOf('alice', 'phone')];
const story = laptop && phone && createStory({ laptop, phone }, send);
if (story) byId('story', HTMLElement).append(...story.elements);
offer();
new EventSource('/console/runs').onmessage = ({ data }) => {
  const run = JSON.parse(data);
  paths.ran(run);
  // Somebody has come or gone, maybe not of this page.
  if (['reconcile', 'disconnect'].includes(run.name)) topic.refresh();
};
topic.refresh();
adapt(await fetchSettings());
for (const device of devices.values()) device.connect();

/** To what the stack allows. */
function adapt(settings: Settings): void {
  surroundings.hasEveryone = settings.everyone !== false;
  enable(byId('broadcast', HTMLButtonElement), surroundings.hasEveryone);
  topic.explain(settings.subscribe ?? []);
  if (settings.events) showEvents();
  byId('notices', HTMLElement).append(...noticesOf(settings, seat, laptop?.id ?? ''));
  offer();
}
