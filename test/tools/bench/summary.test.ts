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
      '- Beside **NATS** on this machine: **ahead:** deliveries to 100 devices: 9,000 to 3,000 1/s (3 ×). ' +
        '**even:** CPU of one of them: 100 to 95 µs. **behind:** the last of 1000 devices: 120 to 60 ms (2 ×).',
    );
  });

  it('leave out who was not there', () => {
    expect(linesOf([])).toHaveLength(1);
  });

  it('say what each costs a month, and how few calls there are on AWS', () => {
    const calls = { what: 'ready and an empty replay: calls', unit: 'calls', ours: 7, goal: 'printed' };
    const [aws, month] = linesOf([calls]);
    expect(aws).toContain('takes 7 calls to be caught up');
    expect(month).toMatch(/: Herald \d+, \d+, [\d,]+; .*NATS JetStream/);
  });
});
