/** The same request has one text, and another request another. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, parseExactly } from '../../../../lambdas/domain/publish/canonical-json.ts';

/** The same value with the members of every object the other way round. */
const reversed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, inner]) => [name, reversed(inner)]),
  );
};

const anyJson = fc.jsonValue({ stringUnit: 'binary' });

describe('canonicalJson', () => {
  it('does not depend on the order of members', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
      }),
    );
    expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: 3 })).toBe('{"a":3,"b":[{"c":2,"d":1}]}');
  });

  it('is the same value still', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('differs for different values', () => {
    const values = [
      '{"a":1}',
      '{"a":"1"}',
      '{"a":[1]}',
      '{"a":null}',
      '{}',
      '[]',
      '["a",1]',
      '{"__proto__":1}',
      '{"":1}',
    ];
    const texts = values.map((value) => canonicalJson(JSON.parse(value)));
    expect(new Set(texts).size).toBe(values.length);
  });

  it('keeps the order of lists', () => expect(canonicalJson([2, 1, 3])).toBe('[2,1,3]'));

  it('keeps a member called __proto__', () => {
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"x":1}}'))).toBe('{"__proto__":{"x":1},"b":1}');
  });

  it('leaves out what is undefined, as JSON does', () => {
    expect(canonicalJson({ b: undefined, a: 1 })).toBe(canonicalJson({ a: 1 }));
  });
});

describe('parseExactly', () => {
  const canonical = (text: string) => canonicalJson(parseExactly(text));

  it.each([
    ['9007199254740993', '9007199254740992'],
    ['[{"a":-9223372036854775807}]', '[{"a":-9223372036854775808}]'],
    ['0.1', '0.1000000000000000000000001'],
    ['1e-400', '0'],
    ['1e-400', '1e-401'],
    ['123456789012345678901234567890', '123456789012345678901234567891'],
    ['9007199254740993', '{"rawJSON":"9007199254740993"}'],
    ['9007199254740993', '"9007199254740993"'],
  ])('tells %s from %s', (one, other) => {
    expect(canonical(one)).not.toBe(canonical(other));
  });

  it.each([
    ['100', '1e2'],
    ['1E+2', '100.0'],
    ['-0.50', '-5e-1'],
    ['9007199254740994', '9007199254740994.000'],
    ['1e21', '1000000000000000000000'],
    ['-0', '0'],
    ['0.000e5', '0'],
    ['{"b":[1.0],"a":1e0}', '{"a":1,"b":[1]}'],
  ])('takes %s and %s for one', (one, other) => {
    expect(canonical(one)).toBe(canonical(other));
  });

  it('is as a plain reading where every number is a double, so that all doors agree', () => {
    const property = fc.property(anyJson, (value) => {
      const text = JSON.stringify(value);
      expect(canonical(text)).toBe(canonicalJson(JSON.parse(text)));
    });
    fc.assert(property, { numRuns: 1000 });
  });

  it('tells integers of any length apart', () => {
    const integers = fc.tuple(fc.bigInt(), fc.bigInt()).filter(([one, other]) => one !== other);
    fc.assert(
      fc.property(integers, ([one, other]) => {
        expect(canonical(`[${one}]`)).not.toBe(canonical(`[${other}]`));
      }),
    );
  });

  it('takes its time from the length of the text alone', () => {
    expect(canonical(`[1${'0'.repeat(1_000_000)}1e-1000000]`)).toContain('1e-1000000');
  });
});
