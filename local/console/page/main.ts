/** The console: two users, their devices, and what happens between them. It builds the page and wires its parts. */
import { type Card, createCard, title } from './card.ts';
import { Channel, type Publication } from './channel.ts';
import { createCompose } from './compose.ts';
import { type CatchUp, Device } from './device.ts';
import { byId, element, glow, inMs } from './dom.ts';
import { createPaths } from './paths.ts';
import { fetchSettings, type Settings } from './requests.ts';
import { takeSeat } from './seat.ts';
import { createStory } from './story.ts';

const USERS: Record<string, string[]> = { alice: ['laptop', 'phone', 'tablet'], bob: ['laptop', 'phone'] };

const channels = new Map(Object.keys(USERS).map((user) => [user, new Channel(user)]));
const devices = new Map<string, Device>();
const cards = new Map<string, Card>();
const paths = createPaths();
const summary = byId('summary', HTMLElement);
const seat = await takeSeat();
const compose = createCompose((fromId, toUser) => {
  const from = devices.get(fromId);
  return from && send(from, toUser, compose.count);
});

function addDevice(channel: Channel, name: string): Card {
  const device = new Device(channel, name, seat, {
    changed: () => updateAll(channel),
    arrived: (arrival) => {
      paths.arrived(device, arrival);
      glow(card.element, arrival.how === 'live' ? '--live' : '--replayed');
    },
    caughtUp: (catchUp) => told(catchUp),
  });
  const card = createCard(device, {
    users: [...channels.keys()],
    send: (toUser) => send(device, toUser, compose.count),
  });
  devices.set(device.id, device);
  cards.set(device.id, card);
  return card;
}

/** What one device learns of the log shows on the others' cards. */
function updateAll({ userId }: Channel): void {
  for (const device of devices.values()) if (device.channel.userId === userId) cards.get(device.id)?.update();
  const head = document.getElementById(`head-${userId}`);
  if (head) head.textContent = `log user:${userId}, head ${channels.get(userId)?.head}`;
  story?.update();
}

function told(catchUp: CatchUp): void {
  paths.caughtUp(catchUp);
  const { device, messages, totalMs } = catchUp;
  if (messages > 0) {
    summary.textContent = `${nameOf(device)} came back and got ${messages} in ${inMs(totalMs)}, in order, each once.`;
  }
}

/** One after the other: the seqs follow the order. */
async function send(from: Device, toUser: string, times: number): Promise<void> {
  const channel = channels.get(toUser);
  if (!channel) return;
  for (let number = 1; number <= times; number++) {
    paths.sent(from.id, toUser);
    try {
      const publication = await channel.publish(compose.draft(times > 1 ? number : undefined), from.id);
      compose.accepted();
      paths.published(publication);
      if (from.channel === channel) from.stayedSilent(publication.result.seq, publication.text);
      summary.textContent = summaryOf(from, publication);
    } catch (error) {
      compose.refused(error);
      summary.textContent = `Not sent: ${error instanceof Error ? error.message : error}`;
      return;
    }
    updateAll(channel);
  }
}

function summaryOf(from: Device, { text, userId, answeredMs, result }: Publication): string {
  const { seq, sent, excluded } = result;
  const silent = excluded > 0 ? `, ${from.name} stays silent` : '';
  const posted = `posted to ${sent} ${sent === 1 ? 'connection' : 'connections'}`;
  return `“${text}” from ${nameOf(from)} is #${seq} of ${title(userId)}: ${posted}${silent}; answered in ${inMs(answeredMs)}.`;
}

const nameOf = ({ channel, name }: Device): string => `${title(channel.userId)}’s ${name}`;

function userSection([userId, channel]: [string, Channel]): HTMLElement {
  const id = `user-${userId}`;
  const made = (USERS[userId] ?? []).map((name) => addDevice(channel, name).element);
  return element(
    'section.user',
    { 'aria-labelledby': id },
    element('header', {}, element('h2', { id }, title(userId)), element('small', { id: `head-${userId}` })),
    element('div.cards', {}, ...made),
  );
}

byId('users', HTMLElement).append(...[...channels].map(userSection));
byId('paths', HTMLElement).append(paths.element);
const deviceOf = (userId: string, name: string) =>
  [...devices.values()].find((device) => device.channel.userId === userId && device.name === name);
const [laptop, phone] = [deviceOf('alice', 'laptop'), deviceOf('alice', 'phone')];
const story = laptop && phone && createStory({ laptop, phone }, send);
if (story) byId('story', HTMLElement).append(...story.elements);
compose.offer(
  [...devices.values()].map((device) => [device.id, nameOf(device)]),
  [...channels.keys()].map((user) => [user, title(user)]),
);
new EventSource('/console/runs').onmessage = ({ data }) => paths.ran(JSON.parse(data));
byId('notices', HTMLElement).append(
  ...noticesOf(await fetchSettings()).map((text) => element('li', {}, text)),
);
for (const device of devices.values()) device.connect();

/** What the stack's settings keep the console from, and what to do about it. */
function noticesOf({ jwksUrl, issuer, closedTypes }: Settings): string[] {
  const notices: string[] = [];
  if (jwksUrl !== undefined)
    notices.push(
      `This stack takes the tokens of ${issuer} only. The console can make none, so its devices cannot connect; sending works. Start the stack without --jwks-url to see them.`,
    );
  if (closedTypes)
    notices.push(
      'This stack takes only the types of lambdas/message-types.ts: enter one of them as the type.',
    );
  if (seat > 1)
    notices.push(`The console is open in another tab too: the devices here are others, as ${laptop?.id}.`);
  return notices;
}
