/** The console: two users, their devices, and what happens between them. It builds the page and wires its parts. */
import { type Card, createCard, title } from './card.ts';
import { Channel, type Publication } from './channel.ts';
import { type CatchUp, Device } from './device.ts';
import { byId, element, glow, inMs } from './dom.ts';
import { createPaths } from './paths.ts';
import { createStory } from './story.ts';

const USERS: Record<string, string[]> = { alice: ['laptop', 'phone', 'tablet'], bob: ['laptop', 'phone'] };

const channels = new Map(Object.keys(USERS).map((user) => [user, new Channel(user)]));
const devices = new Map<string, Device>();
const cards = new Map<string, Card>();
const paths = createPaths();
const summary = byId('summary', HTMLElement);
const text = byId('text', HTMLInputElement);
const count = byId('count', HTMLSelectElement);

function addDevice(channel: Channel, name: string): Card {
  const device = new Device(channel, name, {
    changed: () => updateAll(channel),
    arrived: (arrival) => {
      paths.arrived(device, arrival);
      glow(card.element, arrival.how === 'live' ? '--live' : '--replayed');
    },
    caughtUp: (catchUp) => told(catchUp),
  });
  const card = createCard(device, {
    users: [...channels.keys()],
    send: (toUser) => send(device, toUser, Number(count.value)),
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
    const message = text.value || 'Hello';
    paths.sent(from.id, toUser);
    try {
      const publication = await channel.publish(times > 1 ? `${message} ${number}` : message, from.id);
      paths.published(publication);
      if (from.channel === channel) from.stayedSilent(publication.result.seq, publication.text);
      summary.textContent = summaryOf(from, publication);
    } catch (error) {
      summary.textContent = `Not sent: ${error instanceof Error ? error.message : error}`;
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
const [laptop, phone] = [devices.get('alice-laptop'), devices.get('alice-phone')];
const story = laptop && phone && createStory({ laptop, phone }, send);
if (story) byId('story', HTMLElement).append(...story.elements);
byId('compose', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());
new EventSource('/console/runs').onmessage = ({ data }) => paths.ran(JSON.parse(data));
for (const device of devices.values()) device.connect();
