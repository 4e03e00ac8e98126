/** Of which messages the log tells the way. */
import { describe, expect, it } from 'vitest';
import { isTraced } from '../../../../lambdas/domain/publish/trace.ts';
import { uuidv7 } from '../../../../lambdas/uuidv7.ts';
import { World } from '../../../support/world.ts';

const sampling = (logSampling: number) => ({ settings: { logSampling } });
/** Ids as publishers give them, and as we make them up. */
const IDS = Array.from({ length: 10_000 }, (_, index) =>
  index % 2 === 0 ? `order-${index}-shipped` : uuidv7(index, new Uint8Array(10).fill(index)),
);

describe('a sampled share of messages', () => {
  it.each([1, 10, 50])('is about as large as it is set: %s %%', (percent) => {
    const traced = IDS.filter((id) => isTraced(sampling(percent), id, false)).length;
    expect(traced / IDS.length).toBeGreaterThan((percent / 100) * 0.8);
    expect(traced / IDS.length).toBeLessThan((percent / 100) * 1.2);
  });

  it('is none at 0, and all at 100', () => {
    expect(IDS.some((id) => isTraced(sampling(0), id, false))).toBe(false);
    expect(IDS.every((id) => isTraced(sampling(100), id, false))).toBe(true);
  });
});

describe('a message that is not sampled', () => {
  const world = async () => {
    const world = new World({ settings: { logSampling: 0 } });
    await world.device('alice', 'phone');
    world.logger.entries.length = 0;
    return world;
  };
  const lines = ({ logger }: World) => logger.entries.map(({ message }) => message);

  it('leaves no line, and counts all the same', async () => {
    const quiet = await world();
    await quiet.publish('alice', 'hello');
    expect(lines(quiet)).toEqual([]);
    expect(quiet.logger.totals.get('sent')).toBe(1);
    expect(quiet.logger.totals.has('postMs')).toBe(true);
  });

  it('leaves all of its lines if its publisher asks for them', async () => {
    const asked = await world();
    await asked.publish('alice', 'hello', { trace: true });
    expect(lines(asked)).toEqual(['delivered', 'published']);
  });
});
