/** DynamoDB's condition and update expressions, as far as the stores use them: the stores' own texts are what is simulated. */

export type Value = string | number | boolean | ReadonlySet<string> | { [name: string]: Value };
export type Row = { [attribute: string]: Value };

export interface Bindings {
  names: Record<string, string>;
  values: Record<string, Value>;
}

type Evaluate<Result> = (row: Row | undefined, bindings: Bindings) => Result;
type Condition = Evaluate<boolean>;
type Operand = Evaluate<Value | undefined>;

const COMPARE: Record<string, (one: Value, other: Value) => boolean> = {
  '=': (one, other) => one === other,
  '<>': (one, other) => one !== other,
  '<': (one, other) => one < other,
  '<=': (one, other) => one <= other,
  '>': (one, other) => one > other,
  '>=': (one, other) => one >= other,
};

const CLAUSES: ReadonlySet<string> = new Set(['SET', 'REMOVE', 'ADD', 'DELETE']);

class Parser {
  readonly #tokens: string[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = text.match(/<=|>=|<>|[=<>(),+]|[:#]?[A-Za-z_][\w.]*/g) ?? [];
  }

  peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  take(expected?: string): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined || (expected !== undefined && token !== expected)) {
      throw new Error(`expected ${expected ?? 'more'}, found ${token} in ${this.#tokens.join(' ')}`);
    }
    return token;
  }

  /** Takes a token if it is the next one. */
  skip(token: string): boolean {
    if (this.peek() !== token) return false;
    this.take();
    return true;
  }

  or(): Condition {
    const terms = [this.and()];
    while (this.skip('OR')) terms.push(this.and());
    return (row, bindings) => terms.some((term) => term(row, bindings));
  }

  and(): Condition {
    const terms = [this.term()];
    while (this.skip('AND')) terms.push(this.term());
    return (row, bindings) => terms.every((term) => term(row, bindings));
  }

  term(): Condition {
    if (this.peek() === '(') {
      this.take('(');
      const inner = this.or();
      this.take(')');
      return inner;
    }
    const word = this.take();
    if (word === 'attribute_exists' || word === 'attribute_not_exists') {
      const operand = this.argument();
      return (row, bindings) => (operand(row, bindings) !== undefined) === (word === 'attribute_exists');
    }
    if (word === 'contains') return this.contains();
    const left = word === 'size' ? sizeOf(this.argument()) : operandOf(word);
    if (this.peek() === 'BETWEEN') return this.between(left);
    const compare = COMPARE[this.take()];
    const right = operandOf(this.take());
    if (compare === undefined) throw new Error(`unknown comparison after ${word}`);
    return (row, bindings) => {
      const [one, other] = [left(row, bindings), right(row, bindings)];
      return one !== undefined && other !== undefined && compare(one, other);
    };
  }

  between(operand: Operand): Condition {
    this.take('BETWEEN');
    const first = operandOf(this.take());
    this.take('AND');
    const last = operandOf(this.take());
    return (row, bindings) => {
      const [value, low, high] = [operand(row, bindings), first(row, bindings), last(row, bindings)];
      return value !== undefined && low !== undefined && high !== undefined && low <= value && value <= high;
    };
  }

  /** Of a set of texts. */
  contains(): Condition {
    this.take('(');
    const set = operandOf(this.take());
    this.take(',');
    const member = operandOf(this.take());
    this.take(')');
    return (row, bindings) => {
      const value = set(row, bindings);
      return value instanceof Set && value.has(member(row, bindings));
    };
  }

  argument(): Operand {
    this.take('(');
    const operand = operandOf(this.take());
    this.take(')');
    return operand;
  }

  /** `SET a = :x, b = if_not_exists(b, :y) REMOVE c, d ADD e :set DELETE f :set` */
  update(): (row: Row, bindings: Bindings) => Row {
    const changes: ((row: Row, result: Row, bindings: Bindings) => void)[] = [];
    let clause = '';
    while (this.peek() !== undefined) {
      if (CLAUSES.has(this.peek() ?? '')) clause = this.take();
      const target = this.take();
      if (clause === 'ADD' || clause === 'DELETE') {
        changes.push(setChange(target, clause, operandOf(this.take())));
      } else if (clause === 'REMOVE') {
        changes.push((_row, result, { names }) => delete result[names[target] ?? target]);
      } else {
        this.take('=');
        const value = this.assigned();
        changes.push((row, result, bindings) => {
          const assigned = value(row, bindings);
          if (assigned !== undefined) result[bindings.names[target] ?? target] = assigned;
        });
      }
      if (this.peek() === ',') this.take();
    }
    return (row, bindings) => {
      const result = { ...row };
      for (const change of changes) change(row, result, bindings);
      return result;
    };
  }

  /** `:x`, `if_not_exists(b, :y)`, or the sum of two of these. */
  assigned(): Operand {
    const one = this.assignedOnce();
    if (this.peek() !== '+') return one;
    this.take();
    const other = this.assignedOnce();
    return (row, bindings) => Number(one(row, bindings)) + Number(other(row, bindings));
  }

  assignedOnce(): Operand {
    const word = this.take();
    if (word !== 'if_not_exists') return operandOf(word);
    this.take('(');
    const current = operandOf(this.take());
    this.take(',');
    const otherwise = operandOf(this.take());
    this.take(')');
    return (row, bindings) => current(row, bindings) ?? otherwise(row, bindings);
  }
}

/** Of a set: how many members it has. */
const sizeOf =
  (operand: Operand): Operand =>
  (row, bindings) => {
    const value = operand(row, bindings);
    return value instanceof Set ? value.size : undefined;
  };

/** Adds to a number; puts members into a set, or takes them out. DynamoDB has no empty set: the attribute goes with its last member. */
function setChange(target: string, clause: 'ADD' | 'DELETE', operand: Operand) {
  return (row: Row, result: Row, bindings: Bindings): void => {
    const name = bindings.names[target] ?? target;
    const by = operand(row, bindings);
    if (typeof by === 'number') {
      result[name] = Number(row[name] ?? 0) + by;
      return;
    }
    const standing = new Set(row[name] instanceof Set ? (row[name] as ReadonlySet<string>) : []);
    const members = by as ReadonlySet<string>;
    const kept = [...standing].filter((member) => clause === 'ADD' || !members.has(member));
    const changed = new Set([...kept, ...(clause === 'ADD' ? members : [])]);
    if (changed.size > 0) result[name] = changed;
    else delete result[name];
  };
}

const isMap = (value: Value | undefined): value is { [name: string]: Value } =>
  typeof value === 'object' && !(value instanceof Set);

function operandOf(token: string): Operand {
  if (token.startsWith(':')) return (_row, { values }) => values[token];
  const path = token.split('.');
  return (row, { names }) => {
    let value: Value | undefined = row;
    for (const part of path) {
      value = isMap(value) ? value[names[part] ?? part] : undefined;
    }
    return value;
  };
}

const conditions = new Map<string, Condition>();
const updates = new Map<string, (row: Row, bindings: Bindings) => Row>();

export function holds(text: string | undefined, row: Row | undefined, bindings: Bindings): boolean {
  if (text === undefined) return true;
  const condition = conditions.get(text) ?? new Parser(text).or();
  conditions.set(text, condition);
  return condition(row, bindings);
}

export function updated(text: string, row: Row, bindings: Bindings): Row {
  const update = updates.get(text) ?? new Parser(text).update();
  updates.set(text, update);
  return update(row, bindings);
}

export const bindingsOf = (input: {
  ExpressionAttributeNames?: Record<string, string> | undefined;
  ExpressionAttributeValues?: object | undefined;
}): Bindings => ({
  names: input.ExpressionAttributeNames ?? {},
  values: (input.ExpressionAttributeValues ?? {}) as Record<string, Value>,
});
