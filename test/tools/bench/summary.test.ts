import { describe, expect, it } from 'vitest';
import type { Row } from '../../../tools/bench/result.ts';
import { summary } from '../../../tools/bench/summary.ts';

const row = (what: string, unit: string, ours: number, theirs: number): Row => ({
  what,
  unit,
  ours,
  peers: { NATS: theirs },
  goal: 'printed',
});

const linesOf = (rows: Row[]) => summary([{ title: 'anything', rows }]);

describe('the first lines of the README', () => {
  it('say by how much Herald is ahead of a peer, and behind it', () => {
    const [line] = linesOf([
      row('1000 devices: publish to received, last device p50', 'ms', 120, 60),
      row('100 devices: sustained deliveries', '1/s', 9000, 3000),
      row('100 devices: server CPU per delivery', 'µs', 100, 95),
      row('100 devices: publish to received, last device p50', 'ms', Number.NaN, 3000),
    ]);
    expect(line).toBe(
      '- Beside **NATS** on this machine Herald is **ahead** in deliveries a second to 100 devices (9,000, theirs 3,000: 3 ×); ' +
        '**level** in server CPU of a delivery to 100 devices (100 µs, theirs 95); **behind** in telling 1000 devices of a user (120 ms, theirs 60: 2 ×).',
    );
  });

  it('leave out who was not there', () => {
    expect(linesOf([])).toHaveLength(1);
  });

  it('say what each costs a month, and how few calls there are on AWS', () => {
    const calls = {
      what: 'ready and an empty replay, a known device: calls',
      unit: 'calls',
      ours: 7,
      goal: 'printed',
    };
    const [aws, month] = linesOf([calls]);
    expect(aws).toContain('takes 7 calls, those of its frames among them, to be caught up');
    expect(month).toMatch(/: Herald \d+, \d+, [\d,]+; .*NATS JetStream/);
  });
});
