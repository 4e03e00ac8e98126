/** Whatever the network, the user, other devices and services do: every tab's inbox ends as the server has it, and no mark is lost. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isRead, marked, NOTHING_READ } from '../../client/inbox/read-state.ts';
import { inbox } from '../../client/inbox.ts';
import type { Inbox } from '../../client/inbox-types.ts';
import { goodNetwork } from './server.ts';
import { seeded } from './virtual-time.ts';
import { type Tab, World } from './world.ts';

/** The same course at every change; `SEED` and `RUNS` look further. */
const SEED = Number(process.env.SEED ?? 1);

const form = fc.constantFrom('seqs', 'unread', 'through');
/** Which of the tabs, and which of the messages: a share of how many there are. */
const share = fc.double({ min: 0, max: 0.999, noNaN: true });

const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('publish'), count: fc.nat(15), own: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.nat(3000) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('mark'), form, tab: share, at: share }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('mark elsewhere'), form, at: share }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('withdraw'), at: share }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('load more'), tab: share }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drive') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refuse'), ms: fc.nat(90_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen'), tab: share }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget') }) },
);

const circumstances = fc.record({
  seed: fc.integer(),
  actions: fc.array(action, { maxLength: 30 }),
  maxDelayMs: fc.constantFrom(0, 10, 200, 1500),
  loss: fc.constantFrom(0, 0.1, 0.6),
  doubling: fc.constantFrom(0, 0.3),
  handoverMs: fc.constantFrom(5000, 7_000_000),
  tabs: fc.integer({ min: 1, max: 3 }),
});

type Given = typeof circumstances extends fc.Arbitrary<infer Value> ? Value : never;

type Action = Given['actions'][number] & { [field: string]: unknown };

it('ends as the server has it', async () => {
  await fc.assert(fc.asyncProperty(circumstances, run), {
    numRuns: Number(process.env.RUNS ?? 300),
    seed: SEED,
  });
}, 600_000);

/** A world under a bad network, with tabs in which actions happen. */
class Stage {
  readonly world: World;
  readonly tabs: Tab[];
  readonly #given: Given;
  #epochs = 1;

  constructor(given: Given) {
    this.#given = given;
    this.world = new World(given.seed);
    const chance = seeded(given.seed + 1);
    this.world.server.network = {
      delayMs: () => chance() * given.maxDelayMs,
      losesLive: () => chance() < given.loss,
      doublesLive: () => chance() < given.doubling,
    };
    this.tabs = Array.from({ length: given.tabs }, () => this.open());
  }

  open(): Tab {
    const timing = { handoverAfterMs: this.#given.handoverMs };
    return this.world.open({ inbox, timing, env: { hasTabs: true } });
  }

  async do(action: Action): Promise<void> {
    const { server, time } = this.world;
    const seq = Math.floor(Number(action.at) * server.head) + 1;
    const index = Math.floor(Number(action.tab) * this.tabs.length);
    const box = this.tabs[index]?.session.inbox as Inbox;
    const { form } = action as { form: 'seqs' | 'unread' | 'through' };
    if (action.do === 'publish') this.world.publish(Number(action.count), action.own ? 'laptop' : undefined);
    if (action.do === 'pass') await time.pass(Number(action.ms));
    if (action.do === 'mark') this.mark(box, form, Number(action.at));
    if (action.do === 'mark elsewhere' && seq <= server.head) server.mark({ form, seq });
    if (action.do === 'withdraw') server.withdraw(seq);
    if (action.do === 'load more') box.loadMore().catch(() => {});
    if (action.do === 'drive') for (const socket of server.open) void socket.drive();
    if (action.do === 'cut') server.cut();
    if (action.do === 'refuse') await this.#refuse(Number(action.ms));
    if (action.do === 'reopen') {
      this.tabs[index]?.kill();
      this.tabs[index] = this.open();
    }
    if (action.do === 'forget') {
      this.#epochs += 1;
      server.forget(`epoch-${this.#epochs}`);
      server.cut();
    }
  }

  mark(box: Inbox, form: 'seqs' | 'unread' | 'through', at: number): void {
    const item = box.items[Math.floor(at * box.items.length)];
    if (form === 'through') box.markAllRead();
    else if (item && form === 'seqs') box.markRead(item.seq);
    else if (item) box.markUnread(item.seq);
  }

  async #refuse(ms: number): Promise<void> {
    this.world.server.refusal = 0;
    this.world.server.cut();
    await this.world.time.pass(ms);
    this.world.server.refusal = undefined;
  }

  /** The faults end, and one more message shows what was missed. */
  async end(): Promise<void> {
    const { server, time } = this.world;
    await time.pass(130_000);
    server.network = goodNetwork;
    await time.pass(10_000);
    this.world.publish(1);
    await time.pass(60_000);
  }
}

async function run(given: Given): Promise<void> {
  const stage = new Stage(given);
  for (const action of given.actions) await stage.do(action as Action);
  await stage.end();
  const { server, storage } = stage.world;
  for (const { session, errors } of stage.tabs) {
    const { items, unread, hasMore } = session.inbox;
    const all = server.inbox;
    expect(items.map(({ seq, read }) => ({ seq, read }))).toEqual(all.slice(0, items.length));
    expect(items.length).toBeGreaterThanOrEqual(Math.min(20, all.length));
    expect({ unread, hasMore }).toEqual({ unread: server.unread, hasMore: items.length < all.length });
    expect(errors).toEqual([]);
  }
  for (const [key, value] of storage.values) if (key.endsWith(':marks')) expect(value).toBe('[]');
  for (const tab of stage.tabs) tab.kill();
  server.cut();
}

it('has every mark of the user in the end, in order, also those made without a connection', async () => {
  const marks = fc.array(
    fc.record({ form, at: share, cuts: fc.boolean(), ms: fc.nat(40_000), reopens: fc.boolean() }),
    { maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(fc.integer(), marks, async (seed, marks) => {
      const calm = {
        actions: [],
        maxDelayMs: 200,
        loss: 0,
        doubling: 0.3,
        handoverMs: 7_000_000,
        tabs: 1,
      } as const;
      const stage = new Stage({ seed, ...calm, actions: [] });
      const { server, time } = stage.world;
      stage.world.publish(20);
      await time.pass(10_000);
      let expected = NOTHING_READ;
      for (const { form, at, cuts, ms, reopens } of marks) {
        server.refusal = cuts ? 0 : undefined;
        if (cuts) server.cut();
        if (reopens) await stage.do({ do: 'reopen', tab: 0 } as Action);
        await time.pass(ms);
        const box = stage.tabs[0]?.session.inbox as Inbox;
        const seq = form === 'through' ? 20 : (box.items[Math.floor(at * box.items.length)]?.seq ?? 0);
        if (box.items.length === 0) continue;
        stage.mark(box, form, at);
        await time.pass(1);
        expected = marked(expected, { id: '', form, seq });
        for (const item of box.items) expect(item.read).toBe(isRead(expected, item.seq));
      }
      server.refusal = undefined;
      await stage.end();
      for (const { seq, read } of server.inbox.slice(1)) expect(read).toBe(isRead(expected, seq));
      for (const tab of stage.tabs) tab.kill();
    }),
    { numRuns: Number(process.env.RUNS ?? 100), seed: SEED },
  );
}, 600_000);
