/** The DynamoDB the stores are given: their operations, run by the simulated database, one network call each. */
import type { Conditional, DynamoDb, Operation, Operations, Put } from '../../../lambdas/aws/dynamodb.ts';
import type { TableAction } from '../../../lambdas/manifest.ts';
import type { CallPort } from '../faults.ts';
import type { Invocation, Result } from '../world/invocation.ts';
import type { Database, TableName, Write } from './database.ts';
import { throttled } from './errors.ts';
import { bindingsOf, type Row, updated } from './expressions.ts';

/** What the simulated Lambdas read as their tables' names. */
export const TABLE_NAMES: Record<TableName, string> = {
  connections: 'connections',
  devices: 'devices',
  messages: 'messages',
  publishes: 'publishes',
};

const PORTS: Record<TableName, CallPort> = {
  connections: 'ConnectionStore',
  devices: 'DeviceStore',
  messages: 'LogStore',
  publishes: 'LogStore',
};

/** Told of every call as it takes effect. */
export interface Watcher {
  /** It is about to do this, which its grants must allow. */
  asked(invocation: Invocation, table: TableName, action: TableAction): void;
  /** One page of a query, from behind `start` on. */
  read(invocation: Invocation, table: TableName, rows: Row[], start: Row | undefined): void;
  wrote(invocation: Invocation, table: TableName): void;
  /** The conditions of these writes did not hold. */
  refused(invocation: Invocation, writes: Write[]): void;
  /** A serializable read. */
  proved(invocation: Invocation, rows: number): void;
}

type Effect = (done: (result: Result<unknown>) => void) => void;

export function createSimulatedDynamoDb(
  database: Database,
  invocation: Invocation,
  watcher: Watcher,
): DynamoDb {
  const effects = effectsOn(database, invocation, watcher);
  return {
    call<Name extends Operation>(operation: Name, input: Operations[Name]['input']) {
      const { table, effect } = effects[operation](input);
      for (const one of actionsOf(operation, input, table)) watcher.asked(invocation, one.table, one.action);
      return invocation.call<Operations[Name]['output']>(PORTS[table], effect, (kind) => ({
        error: kind === 'throttled' ? throttled() : new Error('simulated: the store is unreachable'),
      }));
    },
  };
}

/** What IAM calls it: a transaction is the actions in it. */
function actionsOf(
  operation: Operation,
  input: Operations[Operation]['input'],
  table: TableName,
): { table: TableName; action: TableAction }[] {
  if (operation === 'TransactGetItems') return [{ table, action: 'GetItem' }];
  if (operation !== 'TransactWriteItems') return [{ table, action: operation }];
  const { TransactItems } = input as Operations['TransactWriteItems']['input'];
  return TransactItems.map(({ Put }) => ({ table: tableOf(Put.TableName), action: 'PutItem' }));
}

type Effects = {
  [Name in Operation]: (input: Operations[Name]['input']) => { table: TableName; effect: Effect };
};

function effectsOn(database: Database, invocation: Invocation, watcher: Watcher): Effects {
  const refused = (writes: Write[]) => watcher.refused(invocation, writes);
  const write = (one: Write) => ({
    table: one.table,
    effect: atOnce(() => {
      watcher.wrote(invocation, one.table);
      return { Attributes: orTell(refused, [one], () => database.write(one)) };
    }),
  });

  return {
    GetItem({ TableName, Key, ConsistentRead }) {
      const table = tableOf(TableName);
      return { table, effect: atOnce(() => ({ Item: database.get(table, Key as Row, ConsistentRead) })) };
    },

    Query(input) {
      const { TableName, KeyConditionExpression, ConsistentRead, Limit = 1000, ExclusiveStartKey } = input;
      const table = tableOf(TableName);
      return {
        table,
        effect: atOnce(() => {
          const start = ExclusiveStartKey as Row | undefined;
          const bindings = bindingsOf(input);
          const page = database.query(table, KeyConditionExpression, bindings, ConsistentRead, Limit, start);
          watcher.read(invocation, table, page.rows, start);
          return { Items: page.rows, LastEvaluatedKey: page.lastKey };
        }),
      };
    },

    PutItem: (input) => write(putOf(input)),

    DeleteItem: ({ TableName, Key }) =>
      write({
        table: tableOf(TableName),
        key: Key as Row,
        change: () => undefined,
        condition: undefined,
        bindings: bindingsOf({}),
        returnOld: false,
      }),

    UpdateItem(input) {
      const { TableName, Key, UpdateExpression } = input;
      checkBindings(input, UpdateExpression);
      const key = Key as Row;
      return write({
        table: tableOf(TableName),
        key,
        change: (row) => updated(UpdateExpression, row ?? key, bindingsOf(input)),
        ...conditionOf(input),
      });
    },

    TransactGetItems({ TransactItems }) {
      const reads = TransactItems.map(({ Get }) => ({ table: tableOf(Get.TableName), key: Get.Key as Row }));
      return {
        table: 'messages',
        effect: atOnce(() => {
          watcher.proved(invocation, reads.length);
          return { Responses: database.transactGet(reads).map((Item) => ({ Item })) };
        }),
      };
    },

    TransactWriteItems({ TransactItems }) {
      const writes = TransactItems.map(({ Put }) => putOf(Put));
      const begun = () => {
        for (const { table } of writes) watcher.wrote(invocation, table);
      };
      return { table: 'messages', effect: transaction(database, writes, begun, refused) };
    },
  };
}

/** A transaction is sent again under the same client token: the second finds that the first has happened. */
function transaction(
  database: Database,
  writes: Write[],
  begun: () => void,
  refused: (writes: Write[]) => void,
): Effect {
  let decided: { shown: boolean; waiting: (() => void)[] } | undefined;
  return (done) => {
    begun();
    const answer = () => done({ value: {} });
    if (decided) return decided.shown ? answer() : void decided.waiting.push(answer);
    try {
      const mine = { shown: false, waiting: [answer] };
      const shown = () => {
        mine.shown = true;
        for (const waiting of mine.waiting) waiting();
      };
      orTell(refused, writes, () => database.transact(writes, shown));
      decided = mine;
    } catch (error) {
      done({ error });
    }
  };
}

/** The result, unless it throws: then somebody is told of the writes. */
function orTell<Value>(refused: (writes: Write[]) => void, writes: Write[], write: () => Value): Value {
  try {
    return write();
  } catch (error) {
    refused(writes);
    throw error;
  }
}

const atOnce =
  (run: () => unknown): Effect =>
  (done) => {
    let result: Result<unknown>;
    try {
      result = { value: run() };
    } catch (error) {
      result = { error };
    }
    done(result);
  };

function putOf(put: Put): Write {
  checkBindings(put);
  const row = put.Item as Row;
  return { table: tableOf(put.TableName), key: row, change: () => row, ...conditionOf(put) };
}

const conditionOf = (input: Conditional): Pick<Write, 'condition' | 'bindings' | 'returnOld'> => ({
  condition: input.ConditionExpression,
  bindings: bindingsOf(input),
  returnOld: input.ReturnValuesOnConditionCheckFailure === 'ALL_OLD',
});

function tableOf(name: string): TableName {
  const table = (Object.keys(TABLE_NAMES) as TableName[]).find((key) => TABLE_NAMES[key] === name);
  if (table === undefined) throw new Error(`no table ${name}`);
  return table;
}

/** DynamoDB refuses a name or a value that no expression uses. */
function checkBindings(input: Conditional, update = ''): void {
  const used = new Set(`${input.ConditionExpression} ${update}`.match(/[:#]\w+/g));
  const { names, values } = bindingsOf(input);
  for (const name of [...Object.keys(names), ...Object.keys(values)]) {
    if (!used.has(name)) throw new Error(`no expression uses ${name}`);
  }
}
