/**
 * What a user of their own is put to at the very end, on connections that do exactly what the trial says (`world/probe.ts`): races
 * of a subscription with what ends it, what reaches back before a join, what a frame must not do.
 */
import { cursorAttribute } from '../../../lambdas/adapters/dynamodb/tables.ts';
import { Probe, type ProbeSpec } from '../world/probe.ts';
import type { Publish } from '../world/publishers.ts';
import type { World } from '../world/world.ts';
import { passUntilDone } from './stage.ts';

const SECOND = 1000;
/** No other publishes have these numbers. */
const FIRST_NUMBER = 2_000_000;
/** One message, one frame. */
const BULKY = 17_000;
const ROUNDS = 6;
/** Less than the lease of a replay lasts: nobody waits for it to lapse. */
const SOON_MS = 25 * SECOND;

const USER = 'dora';
const OWN = `user:${USER}`;
const TOPIC = 'trial';
const CHANNEL = `topic:${TOPIC}`;
const PHONE: ProbeSpec = { userId: USER, deviceId: 'phone', ackMode: 'client' };

export class TopicTrials {
  readonly #world: World;
  readonly #pass: (milliseconds: number) => Promise<void>;
  #publishes = FIRST_NUMBER;

  constructor(world: World, pass: (milliseconds: number) => Promise<void>) {
    this.#world = world;
    this.#pass = pass;
  }

  /** One of them. */
  async run(): Promise<void> {
    const trials = [
      () => this.#beginsTwice(),
      () => this.#asksForLess(),
      () => this.#removedAsItSubscribes(),
      () => this.#joinsAsItIsRemoved(),
      () => this.#dismissedAsItSubscribes(),
      () => this.#publishedBeforeTheJoin(),
      () => this.#reachesBack(),
      () => this.#misbehaves(),
      () => this.#startsWithMore(),
    ];
    await this.#world.random.pick(trials)();
    this.#world.faults.on = false;
    await this.#pass(SECOND);
  }

  /** A new device connects twice at once, slowly, while another of its user goes on. */
  async #beginsTwice(): Promise<void> {
    const { settings } = this.#world;
    if (settings.maxConnectionsPerUser < 2) return;
    await this.#opened({ userId: USER, deviceId: 'laptop', ackMode: 'auto' });
    this.#publish(OWN);
    await this.#pass(SECOND);
    this.#only('DeviceStore', 'slow', 0.4);
    for (let round = 0; round < ROUNDS; round++) {
      const spec = { userId: USER, deviceId: `new-${round}`, ackMode: 'client' } as const;
      const first = new Probe(this.#world, spec);
      await this.#pass(this.#world.random.logarithmic(5, 500));
      const second = new Probe(this.#world, spec);
      for (let left = 8; left > 0; left--) {
        this.#publish(OWN);
        await this.#pass(this.#world.random.logarithmic(100, 1500));
      }
      await this.#pass(15 * SECOND);
      first.leave();
      second.leave();
      // Both are forgotten by then, and count for nothing.
      await this.#pass(10 * SECOND);
    }
  }

  /** While a replay runs, the client asks for more than it brings: it gets that, too. */
  async #asksForLess(): Promise<void> {
    await this.#publishSome(OWN, 24, BULKY);
    const probe = await this.#opened(PHONE);
    for (let round = 0; round < ROUNDS; round++) {
      await this.#pass(10 * SECOND);
      const before = probe.frames.length;
      probe.say({ action: 'sync', after: 8 });
      await this.#pass(this.#world.random.logarithmic(20, 200));
      probe.say({ action: 'sync', after: 2 });
      await this.#pass(SOON_MS);
      const frames = probe.frames.slice(before);
      if (!frames.some((frame) => frame.event === 'replay' && frame.after <= 2 && frame.through > 2))
        this.#violated(
          'a sync brings what follows',
          `${OWN}: nothing after 2, though another sync was merged`,
        );
    }
  }

  /** The user is removed while a subscription of theirs is written, which no read sees yet. */
  async #removedAsItSubscribes(): Promise<void> {
    const { database, operators } = this.#world;
    const { temper } = database;
    const probe = await this.#opened(PHONE);
    for (let round = 0; round < ROUNDS; round++) {
      await this.#done(operators.join(TOPIC, USER));
      await this.#pass(5 * SECOND);
      probe.say({ action: 'unsubscribe', channel: CHANNEL });
      await this.#pass(5 * SECOND);
      database.temper = { ...temper, maxVisibilityMs: 3 * SECOND };
      probe.say({ action: 'subscribe', channel: CHANNEL });
      await this.#pass(this.#world.random.logarithmic(5, 500));
      await this.#done(operators.leave(TOPIC, USER));
      database.temper = temper;
      await this.#pass(5 * SECOND);
      this.#publish(CHANNEL);
      await this.#pass(5 * SECOND);
    }
  }

  /** The user joins again while a removal is under way: what the join gave stays. */
  async #joinsAsItIsRemoved(): Promise<void> {
    const { operators, judge, failed } = this.#world;
    const probe = await this.#opened(PHONE);
    await this.#done(operators.join(TOPIC, USER));
    for (let round = 0; round < ROUNDS; round++) {
      await this.#pass(5 * SECOND);
      this.#only('SubscriptionStore', 'slow', 0.4);
      operators.leave(TOPIC, USER).catch(failed);
      await this.#pass(this.#world.random.logarithmic(20, 3 * SECOND));
      await this.#done(operators.join(TOPIC, USER));
      this.#world.faults.on = false;
      await this.#pass(30 * SECOND);
      if (!judge.members.isMember(TOPIC, USER)) continue;
      this.#publish(CHANNEL);
      await this.#pass(10 * SECOND);
      const { head } = judge.ledger.channel(CHANNEL);
      if (!probe.has(CHANNEL, head))
        this.#violated(
          'a member hears everything since the join was answered',
          `${USER}: ${CHANNEL} seq ${head}`,
        );
    }
  }

  /** The connection is dismissed while a subscription of it is written. */
  async #dismissedAsItSubscribes(): Promise<void> {
    const { publishers, failed } = this.#world;
    const permissions = { subscribe: [CHANNEL], publish: [] };
    for (let round = 0; round < 2 * ROUNDS; round++) {
      const probe = await this.#opened({ ...PHONE, permissions });
      this.#only('MemberStore', 'slow', 0.7);
      probe.say({ action: 'subscribe', channel: CHANNEL });
      await this.#pass(this.#world.random.logarithmic(5, 500));
      publishers.revoke(USER, undefined).catch(failed);
      await this.#pass(15 * SECOND);
      this.#world.faults.on = false;
    }
  }

  /** A message of before the join is delivered again, as its publish is repeated. */
  async #publishedBeforeTheJoin(): Promise<void> {
    const publish = this.#publish(CHANNEL, { key: 'trial' });
    await this.#pass(5 * SECOND);
    await this.#opened(PHONE);
    if (this.#world.settings.maxConnectionsPerUser > 1) await this.#opened({ ...PHONE, deviceId: undefined });
    await this.#done(this.#world.operators.join(TOPIC, USER));
    await this.#pass(5 * SECOND);
    this.#begin(publish);
    await this.#pass(5 * SECOND);
  }

  /** Neither an old cursor nor `after` brings a member what was published before the user joined again. */
  async #reachesBack(): Promise<void> {
    const { operators } = this.#world;
    await this.#publishSome(CHANNEL, 2);
    await this.#done(operators.join(TOPIC, USER));
    await this.#publishSome(CHANNEL, 2);
    const before = await this.#opened(PHONE);
    for (let looks = 0; looks < 20 && !before.has(CHANNEL, 4); looks++) await this.#pass(SECOND);
    before.say({ action: 'ack', channel: CHANNEL, seq: 4 });
    await this.#pass(5 * SECOND);
    before.leave();
    await this.#done(operators.leave(TOPIC, USER));
    await this.#publishSome(CHANNEL, 3);
    await this.#done(operators.join(TOPIC, USER));
    await this.#publishSome(CHANNEL, 1);
    const probe = await this.#opened(PHONE);
    await this.#pass(5 * SECOND);
    probe.say({ action: 'sync', channel: CHANNEL, after: 0 });
    probe.say({ action: 'subscribe', channel: CHANNEL, after: 0 });
    await this.#pass(5 * SECOND);
    probe.say({ action: 'unsubscribe', channel: CHANNEL });
    await this.#pass(5 * SECOND);
    probe.say({ action: 'subscribe', channel: CHANNEL, after: 0 });
    await this.#pass(5 * SECOND);
  }

  /** What a frame asks for that it may not changes nothing; what a newer message stands for is told as that. */
  async #misbehaves(): Promise<void> {
    await this.#publishSome(OWN, 2, 10, { collapseKey: 'key' });
    await this.#publishSome(OWN, 1);
    const probe = await this.#opened(PHONE);
    await this.#pass(5 * SECOND);
    await this.#asksInVain(probe);
    await this.#acksInVain(probe);
  }

  /** As its socket opens, a client asks for more than its device's cursor tells: it gets that, whoever starts it. */
  async #startsWithMore(): Promise<void> {
    await this.#publishSome(OWN, 6);
    const first = await this.#opened(PHONE);
    await this.#pass(5 * SECOND);
    first.say({ action: 'ack', seq: 6 });
    await this.#pass(5 * SECOND);
    first.leave();
    for (let round = 0; round < 2 * ROUNDS; round++) {
      const delayMs = this.#world.random.logarithmic(1, 500);
      const probe = new Probe(this.#world, PHONE, (opened) => {
        this.#world.scheduler.after(delayMs, () => opened.say({ action: 'sync', after: 3, first: true }));
      });
      await this.#pass(SOON_MS);
      probe.leave();
      const lacks = [4, 5, 6].filter((seq) => !probe.has(OWN, seq));
      if (lacks.length > 0) this.#violated('a sync brings what follows', `${OWN}: without ${lacks}`);
    }
  }

  async #asksInVain(probe: Probe): Promise<void> {
    const { head } = this.#world.judge.ledger.channel(CHANNEL);
    for (const after of [0, head, head + 1_000_000]) {
      const ref = probe.say({ action: 'sync', channel: CHANNEL, after });
      await this.#pass(5 * SECOND);
      this.#expectError(probe, ref, 'not_subscribed', 'nobody hears what is not theirs to hear');
    }
  }

  async #acksInVain(probe: Probe): Promise<void> {
    const { judge, database } = this.#world;
    const cursor = () =>
      JSON.stringify(
        database.get('devices', { userId: USER, deviceId: 'phone' }, true)?.[cursorAttribute(OWN)],
      );
    const before = cursor();
    const { head } = judge.ledger.channel(OWN);
    const acks = [
      { channel: OWN, seq: head },
      { channel: OWN, seq: head + 1_000_000 },
    ];
    const ref = probe.say({ action: 'ack', acks });
    await this.#pass(5 * SECOND);
    this.#expectError(probe, ref, 'ack_past_head', 'acks are taken as a whole');
    if (cursor() !== before) this.#violated('acks are taken as a whole', `from ${before} to ${cursor()}`);
  }

  #expectError(probe: Probe, ref: string, code: string, guarantee: string): void {
    const answer = probe.answerTo(ref);
    if (answer?.event === 'error' && answer.code === code) return;
    this.#violated(guarantee, `${ref} is answered ${JSON.stringify(answer)}, expected ${code}`);
  }

  #violated(guarantee: string, detail: string): void {
    this.#world.judge.violated(guarantee, detail);
  }

  #only(port: 'DeviceStore' | 'SubscriptionStore' | 'MemberStore', kind: 'slow', rate: number): void {
    const { faults } = this.#world;
    faults.on = true;
    faults.only = { port, kinds: [kind], rate };
  }

  /** A connection that has heard its `ready`. */
  async #opened(spec: ProbeSpec): Promise<Probe> {
    const probe = new Probe(this.#world, spec);
    for (let looks = 0; looks < 3000 && probe.heard('ready').length === 0; looks++) await this.#pass(20);
    return probe;
  }

  async #publishSome(
    channel: string,
    count: number,
    bytes = 10,
    given: Partial<Publish> = {},
  ): Promise<void> {
    for (let left = count; left > 0; left--) {
      this.#publish(channel, { bytes, ...given });
      await this.#pass(200);
    }
    await this.#pass(5 * SECOND);
  }

  #done(work: Promise<void>): Promise<void> {
    return passUntilDone(this.#world, this.#pass, work);
  }

  #publish(channel: string, given: Partial<Publish> = {}): Publish {
    const publish: Publish = {
      number: ++this.#publishes,
      door: 'http',
      key: undefined,
      channels: [channel],
      origin: undefined,
      retentionSeconds: undefined,
      bytes: 10,
      ...given,
    };
    this.#begin(publish);
    return publish;
  }

  #begin(publish: Publish): void {
    this.#world.publishers.publish(publish).catch(this.#world.failed);
  }
}
