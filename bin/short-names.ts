/** Gives what only our own parts know of a class a short name: no minifier may do so with `this.#socket`, which it cannot see through. */
import { parseAst } from 'vite';

/** Those first that esbuild gives to variables most: a text of fewer kinds of words is compressed better. */
const LETTERS = [...'tseihrnaolcudpfmgvwybkxqjzABCDEFGHIJKLMNOPQRSTUVWXYZ'];

/** The shortest first. */
const NAMES = ['', ...'0123456789'].flatMap((digit) => LETTERS.map((letter) => letter + digit));

/** A short name for each, the same in whichever bundle. */
export const shortNames = (names: string[]): Record<string, string> =>
  Object.fromEntries(names.map((name, index) => [name, NAMES[index] ?? '']));

interface Node {
  type: string;
  start: number;
  end: number;
  [field: string]: unknown;
}

const isNode = (value: unknown): value is Node => typeof (value as Node | null)?.type === 'string';

const childrenOf = (node: Node): Node[] => Object.values(node).flat().filter(isNode);

/**
 * The code with properties for private members (`this.t` for `this.#socket`), of short names that the class does not use otherwise:
 * the same few letters in every class. A field without a value is not declared. A class that extends another stays as it is: who
 * knows which names that one uses.
 */
export function withoutPrivates(code: string): string {
  const changes: { start: number; end: number; by: string }[] = [];
  const visit = (node: Node, names: ReadonlyMap<unknown, string>): void => {
    const by = node.type === 'PrivateIdentifier' ? names.get(node.name) : undefined;
    if (by) changes.push({ ...node, by });
    else if (/^Class[DE]/.test(node.type) && !node.superClass) visitClass(node.body as Node, names);
    else for (const child of childrenOf(node)) visit(child, names);
  };
  const visitClass = (body: Node, outer: ReadonlyMap<unknown, string>): void => {
    const names = new Map([...outer, ...namesOf(body)]);
    for (const member of childrenOf(body)) {
      if (member.type === 'PropertyDefinition' && !member.value) changes.push({ ...member, by: '' });
      else visit(member, names);
    }
  };
  visit(parseAst(code) as unknown as Node, new Map());
  return changes
    .sort((one, other) => other.start - one.start)
    .reduce((text, { start, end, by }) => text.slice(0, start) + by + text.slice(end), code);
}

/** Short names by the private names of a class. In the order of their declaration classes are most alike. */
function namesOf(body: Node): [name: unknown, short: string][] {
  const keys = (body.body as { key: Node }[]).map(({ key }) => key);
  const isPrivate = ({ type }: Node) => type === 'PrivateIdentifier';
  const taken = new Set(keys.filter((key) => !isPrivate(key)).map(({ name }) => name));
  const free = NAMES.filter((name) => !taken.has(name));
  return keys.filter(isPrivate).map(({ name }, index) => {
    const short = free[index];
    if (!short) throw new Error(`${index} private members: there are not so many short names`);
    return [name, short];
  });
}
