/** The packed client does what its source does, though its private members have become properties of short names. */
import { expect, it } from 'vitest';
import { shortNames, withoutPrivates } from '../../bin/short-names.ts';

/** The code's `result`. */
const run = (code: string): unknown => new Function(`${code} return result;`)();

it('gives a private member no name that the class has otherwise', () => {
  const code = `
    class Counter {
      #count = 1;
      #step = 2;
      s = 'public';
      get t() { return this.#count; }
      e() { this.#count += this.#step; return this.#tell(); }
      #tell() { return [this.t, this.s, this.#step]; }
    }
    const result = new Counter().e();`;
  expect(run(code)).toEqual([3, 'public', 2]);
  expect(withoutPrivates(code)).not.toContain('#');
  expect(run(withoutPrivates(code))).toEqual(run(code));
});

it('tells a member of an inner class from one of the outer class', () => {
  const code = `
    class Outer {
      #name = 'outer';
      #make() {
        const outer = this;
        return new (class { #name = 'inner'; both() { return [this.#name, outer.#make.name !== '']; } })();
      }
      of() { return [this.#name, ...this.#make().both()]; }
    }
    const result = new Outer().of();`;
  expect(run(code)).toEqual(['outer', 'inner', true]);
  expect(run(withoutPrivates(code))).toEqual(run(code));
});

it('leaves a class that extends another, whose names nobody knows', () => {
  const code = 'class Bell extends Element {\n  #count = 1;\n  label;\n}';
  expect(withoutPrivates(code)).toBe(code);
});

it('leaves texts, patterns and the private names of no class', () => {
  const code = 'const colours = ["#fff", `#abc`, /#x/.source];';
  expect(withoutPrivates(code)).toBe(code);
});

it('declares no field without a value', () => {
  expect(withoutPrivates('class Timer {\n#cancel;\nworld;\nisSet = false;\n}')).toBe(
    'class Timer {\n\n\nisSet = false;\n}',
  );
});

it('has as many short names as are asked for, each once', () => {
  const names = Array.from({ length: 300 }, (_, index) => `name${index}`);
  const short = Object.values(shortNames(names));
  expect(new Set(short).size).toBe(300);
  expect(short.every((name) => /^[a-zA-Z]\d?$/.test(name))).toBe(true);
});
