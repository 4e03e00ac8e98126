/** Ids are UUIDs of version 7 and sort by their time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uuidv7 } from '../../lambdas/uuidv7.ts';

const times = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const tenBytes = fc.uint8Array({ minLength: 10, maxLength: 10 });

describe('uuidv7', () => {
  it('is the example of RFC 9562', () => {
    const random = Uint8Array.from(Buffer.from('0cc318c4dc0c0c07398f', 'hex'));
    expect(uuidv7(0x017f22e279b0, random)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  });

  it('has the version and the variant of its kind, whatever the chance', () => {
    fc.assert(
      fc.property(times, tenBytes, (now, random) => {
        expect(uuidv7(now, random)).toMatch(
          /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        );
      }),
    );
  });

  it('sorts as text by the time it was made', () => {
    fc.assert(
      fc.property(times, times, tenBytes, tenBytes, (one, other, random, chance) => {
        fc.pre(one < other);
        expect(uuidv7(one, random) < uuidv7(other, chance)).toBe(true);
      }),
    );
  });

  it('keeps 74 bits of chance', () => {
    const bits = (fill: number) =>
      BigInt(`0x${uuidv7(0, new Uint8Array(10).fill(fill)).replaceAll('-', '')}`);
    const differing = (bits(0) ^ bits(255)).toString(2);
    expect(differing.replaceAll('0', '')).toHaveLength(74);
  });

  it('does not change the bytes it is given', () => {
    const random = new Uint8Array(10).fill(255);
    uuidv7(1, random);
    expect(random).toEqual(new Uint8Array(10).fill(255));
  });
});
