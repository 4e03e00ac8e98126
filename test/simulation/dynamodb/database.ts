/**
 * DynamoDB beneath the stores: rows, conditions, transactions that become visible row by row, reads that lag unless they ask
 * for the truth, TTL. It is as unhelpful as the service may be:
 *
 * - A transaction is decided at one instant; then each of its rows stays locked until it shows, each at a time of its own. A plain read
 *   sees what shows; a transaction that meets a locked row is cancelled.
 * - So a later transaction may show before an earlier one, and `Query` may lack rows below the head it was asked for.
 * - A row past its `expiresAt` goes at once, late, or never.
 */

import {
  HEAD_SEQ,
  TABLES,
  type TableIndex,
  TTL_ATTRIBUTE,
} from '../../../lambdas/adapters/dynamodb/tables.ts';
import type { CancellationReason } from '../../../lambdas/aws/dynamodb.ts';
import type { FaultOf } from '../faults.ts';
import type { Random } from '../random.ts';
import type { Scheduler } from '../scheduler.ts';
import { cancelled, conditionFailed, conflict } from './errors.ts';
import { type Bindings, holds, type Row } from './expressions.ts';

export type TableName = keyof typeof TABLES;
export type Cause = 'write' | 'ttl' | 'restore';
export type Change = { table: TableName; before: Row | undefined; after: Row | undefined; cause: Cause };

interface Cell {
  row: Row | undefined;
  /** What a lagging read may still see, until `changedAt` is long enough ago. */
  previous: Row | undefined;
  changedAt: number;
  locked: boolean;
}

export interface Write {
  table: TableName;
  key: Row;
  /** Undefined deletes. Called with the row as it is. */
  change: (row: Row | undefined) => Row | undefined;
  condition: string | undefined;
  bindings: Bindings;
  /** The old row goes with the failure. */
  returnOld: boolean;
  /** It changes nothing: only its condition counts. */
  isCheck?: boolean;
}

/** What is asked of a query, as the request says it. */
export interface Asked {
  table: TableName;
  /** The name of an index. Undefined: the table itself. */
  index: string | undefined;
  condition: string;
  bindings: Bindings;
  consistent: boolean;
  limit: number;
  start: Row | undefined;
  /** From the last row to the first. */
  backwards: boolean;
}

/** How the service behaves in one run. */
export interface Temper {
  /** How long a decided transaction may take to show. */
  maxVisibilityMs: number;
  /** How many messages take long although their heads show at once. 0: any row may. */
  lateMessages: number;
  maxLagMs: number;
  /** Rows of a page, at most, for the pages that end early. */
  shortPage: number;
  shortPageChance: number;
  /** How often a batch is not served as a whole. */
  unprocessedChance: number;
  ttl: 'at once' | 'late' | 'mixed' | 'never';
}

/** One row that a batch asks for. */
export interface BatchKey {
  table: TableName;
  key: Row;
  consistent: boolean;
}

export interface BatchRow {
  table: TableName;
  row: Row;
}

/** Between the first read of a batch and the last, at most. */
const MAX_BATCH_MS = 5;

/** In place of a sort key, where a table has none. */
const THE_ROW = '';

/** The key of a row. */
export function keyOf(table: TableName, row: Row): Row {
  const { partition, sort } = TABLES[table];
  const names = sort ? [partition.name, sort.name] : [partition.name];
  return Object.fromEntries(names.map((name) => [name, row[name] ?? '']));
}

/** The tables of one log: what a transaction wrote to them shows in both or in none. */
const LOG_TABLES = ['messages', 'publishes'] as const;

const TWO_DAYS_MS = 48 * 3_600_000;

export class Database {
  /** Every change as it shows. */
  onChange: (change: Change) => void = () => {};
  /** What the temper did, for the table of faults. */
  onTemper: (kind: FaultOf<'Tables'>) => void = () => {};
  temper: Temper;
  /** Rows of transactions decided before a restore never show. */
  readonly #generations = new Map<TableName, number>();
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #tables = new Map<TableName, Map<string, Map<string | number, Cell>>>();

  constructor(scheduler: Scheduler, random: Random, temper: Temper) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.temper = temper;
    for (const name of Object.keys(TABLES) as TableName[]) this.#tables.set(name, new Map());
  }

  get(table: TableName, key: Row, consistent: boolean): Row | undefined {
    return this.#seen(this.#cell(table, key), consistent);
  }

  query({ table, index, condition, bindings, consistent, limit, start, backwards }: Asked) {
    const order = index === undefined ? TABLES[table].sort : this.#indexOf(table, index).sort;
    if (order === undefined) throw new Error(`${table} has one row in each partition: nothing to query`);
    const rows: Row[] = [];
    for (const cell of this.#asked(table, index, condition, bindings)) {
      const row = this.#seen(cell, consistent);
      if (row && holds(condition, row, bindings)) rows.push(row);
    }
    rows.sort((one, other) => ((one[order.name] ?? 0) < (other[order.name] ?? 0) ? -1 : 1));
    if (backwards) rows.reverse();
    const from = start?.[order.name];
    const isBehind = (key: Row[string] | 0) => from !== undefined && (backwards ? key < from : key > from);
    const rest = from === undefined ? rows : rows.filter((row) => isBehind(row[order.name] ?? 0));
    const short = this.#random.chance(this.temper.shortPageChance) ? this.temper.shortPage : limit;
    const page = rest.slice(0, Math.min(limit, short));
    if (page.length === short && page.length < rest.length) this.onTemper('short page');
    const last = page.length < rest.length ? page.at(-1) : undefined;
    const lastKey = last && keyOf(table, last);
    return { rows: page, lastKey };
  }

  /**
   * Reads each row at a time of its own: a batch is no snapshot. `done` hears the rows that there was
   * capacity for, and the keys of the others.
   */
  batchGet(keys: BatchKey[], done: (rows: BatchRow[], left: BatchKey[]) => void): void {
    const names = keys.map(({ table, key }) => JSON.stringify([table, key]));
    // DynamoDB refuses the whole request.
    if (new Set(names).size < names.length) throw new Error('a batch names the same key twice');
    const isScarce = this.#random.chance(this.temper.unprocessedChance);
    const served = isScarce ? keys.slice(0, this.#random.integer(0, keys.length - 1)) : keys;
    if (isScarce) this.onTemper('keys left unprocessed');
    const rows: BatchRow[] = [];
    const left = keys.slice(served.length);
    if (served.length === 0) done(rows, left);
    let unread = served.length;
    for (const { table, key, consistent } of served)
      this.#scheduler.after(this.#random.next() * MAX_BATCH_MS, () => {
        const row = this.get(table, key, consistent);
        if (row) rows.push({ table, row });
        if (--unread === 0) done(rows, left);
      });
  }

  /** One row, unless a transaction holds it. Throws what the client would. */
  write(write: Write): { before: Row | undefined; after: Row | undefined } {
    const cell = this.#cell(write.table, write.key);
    if (cell.locked) throw conflict();
    if (!holds(write.condition, cell.row, write.bindings)) {
      throw conditionFailed(write.returnOld ? cell.row : undefined);
    }
    const before = cell.row;
    this.#show(write.table, cell, write.change(before), 'write');
    return { before, after: cell.row };
  }

  /**
   * Decides at once or throws; `showing` is called before each row shows, `shown` when every one
   * does.
   */
  transact(
    writes: Write[],
    { showing, shown }: { showing: (write: Write) => void; shown: () => void },
  ): void {
    const cells = writes.map(({ table, key }) => this.#cell(table, key));
    const reasons = writes.map((write, index): CancellationReason => {
      const cell = cells[index] as Cell;
      if (cell.locked) return { Code: 'TransactionConflict' };
      if (holds(write.condition, cell.row, write.bindings)) return { Code: 'None' };
      const old = write.returnOld && cell.row ? { Item: cell.row } : {};
      return { Code: 'ConditionalCheckFailed', ...old };
    });
    if (reasons.some(({ Code }) => Code !== 'None')) throw cancelled(reasons);
    const generations = writes.map(({ table }) => this.#generations.get(table));
    let hidden = writes.length;
    writes.forEach((write, index) => {
      const { table, change, isCheck } = write;
      const cell = cells[index] as Cell;
      cell.locked = true;
      this.#scheduler.after(this.#visibilityDelay(write), () => {
        cell.locked = false;
        if (generations[index] === this.#generations.get(table) && !isCheck) {
          showing(write);
          this.#show(table, cell, change(cell.row), 'write');
        }
        if (--hidden === 0) shown();
      });
    });
  }

  /** Serializable: cancelled while any of the rows is part of an unfinished transaction. */
  transactGet(reads: { table: TableName; key: Row }[]): (Row | undefined)[] {
    const cells = reads.map(({ table, key }) => this.#cell(table, key));
    if (cells.some(({ locked }) => locked)) {
      throw cancelled(cells.map(({ locked }) => ({ Code: locked ? 'TransactionConflict' : 'None' })));
    }
    return cells.map(({ row }) => row);
  }

  /** Whether a transaction that is decided has written to a row what does not show yet. */
  isHeld(table: TableName, key: Row): boolean {
    return this.#cell(table, key).locked;
  }

  /** Every row that shows, for those who judge the world. */
  rows(table: TableName): Row[] {
    const rows: Row[] = [];
    for (const partition of this.#tables.get(table)?.values() ?? []) {
      for (const { row } of partition.values()) if (row) rows.push(row);
    }
    return rows;
  }

  /** Puts a table back to what it held. Rows of transactions under way are as if they had not begun. */
  restore(table: TableName, rows: Row[]): void {
    for (const one of LOG_TABLES) this.#generations.set(one, (this.#generations.get(one) ?? 0) + 1);
    const kept = new Map(rows.map((row) => [JSON.stringify(keyOf(table, row)), row]));
    for (const partition of this.#tables.get(table)?.values() ?? []) {
      for (const cell of partition.values()) {
        const id = cell.row && JSON.stringify(keyOf(table, cell.row));
        if (id !== undefined && !kept.has(id)) this.#show(table, cell, undefined, 'restore');
      }
    }
    for (const row of rows) this.#show(table, this.#cell(table, row), row, 'restore');
  }

  #show(table: TableName, cell: Cell, after: Row | undefined, cause: Cause): void {
    const before = cell.row;
    cell.previous = before;
    cell.row = after;
    cell.changedAt = this.#scheduler.now;
    this.onChange({ table, before, after, cause });
    const expiresAt = after?.[TTL_ATTRIBUTE];
    if (typeof expiresAt === 'number') this.#planTtl(table, cell, expiresAt);
  }

  #visibilityDelay({ table, key }: Write): number {
    const { lateMessages, maxVisibilityMs } = this.temper;
    const isMessage = table === 'messages' && key.seq !== HEAD_SEQ;
    const isLate =
      lateMessages > 0 ? isMessage && this.#random.chance(lateMessages) : !this.#random.chance(0.8);
    if (!isLate) return this.#random.next() * 3;
    this.onTemper('half-visible transaction');
    return this.#random.next() * maxVisibilityMs;
  }

  #planTtl(table: TableName, cell: Cell, expiresAt: number): void {
    const delay = this.#ttlDelay();
    if (delay === undefined) return;
    this.#scheduler.after(expiresAt * 1000 - this.#scheduler.now + delay, () => {
      const standing = cell.row?.[TTL_ATTRIBUTE];
      if (standing !== expiresAt || cell.locked) return;
      this.onTemper(delay === 0 ? 'ttl at once' : 'ttl late');
      this.#show(table, cell, undefined, 'ttl');
    });
  }

  #ttlDelay(): number | undefined {
    const { ttl } = this.temper;
    if (ttl === 'at once') return 0;
    if (ttl === 'never' || (ttl === 'mixed' && this.#random.chance(0.4))) return undefined;
    return this.#random.logarithmic(1, TWO_DAYS_MS);
  }

  #seen(cell: Cell, consistent: boolean): Row | undefined {
    if (consistent) return cell.row;
    const lag = this.#random.next() * this.temper.maxLagMs;
    return this.#scheduler.now - cell.changedAt < lag ? cell.previous : cell.row;
  }

  #partitionAsked(condition: string, { names, values }: Bindings): string {
    const [, name = '', value = ''] = condition.match(/^(\S+) = (:\w+)/) ?? [];
    const partition = values[value];
    if (typeof partition !== 'string')
      throw new Error(`no partition in ${condition} (${names[name] ?? name})`);
    return partition;
  }

  /** The rows of one partition of the table or, for want of order, all of them where an index is asked. */
  #asked(table: TableName, index: string | undefined, condition: string, bindings: Bindings): Iterable<Cell> {
    if (index === undefined)
      return this.#partition(table, this.#partitionAsked(condition, bindings)).values();
    const partitions = this.#tables.get(table)?.values() ?? [];
    return [...partitions].flatMap((cells) => [...cells.values()]);
  }

  #indexOf(table: TableName, name: string): TableIndex {
    const { index } = TABLES[table];
    if (index?.name !== name) throw new Error(`${table} has no index ${name}`);
    return index;
  }

  #partition(table: TableName, partition: string): Map<string | number, Cell> {
    const partitions = this.#tables.get(table) as Map<string, Map<string | number, Cell>>;
    const cells = partitions.get(partition) ?? new Map<string | number, Cell>();
    partitions.set(partition, cells);
    return cells;
  }

  #cell(table: TableName, key: Row): Cell {
    const { partition, sort } = TABLES[table];
    const cells = this.#partition(table, String(key[partition.name]));
    const sortKey = sort ? (key[sort.name] as string | number) : THE_ROW;
    const cell = cells.get(sortKey) ?? { row: undefined, previous: undefined, changedAt: 0, locked: false };
    cells.set(sortKey, cell);
    return cell;
  }
}
