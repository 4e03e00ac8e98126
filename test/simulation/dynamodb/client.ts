/** The DynamoDB the stores are given: their operations, run by the simulated database, one network call each. */
import type {
  Conditional,
  DynamoDb,
  Operation,
  Operations,
  Put,
  TransactWrite,
  Update,
} from '../../../lambdas/aws/dynamodb.ts';
import type { TableAction } from '../../../lambdas/lambda-spec.ts';
import type { CallPort } from '../faults.ts';
import type { Invocation, Result } from '../world/invocation.ts';
import type { Asked, BatchKey, BatchRow, Database, TableName, Write } from './database.ts';
import { throttled } from './errors.ts';
import { bindingsOf, type Row, updated } from './expressions.ts';

/** What the simulated Lambdas read as their tables' names. */
export const TABLE_NAMES: Record<TableName, string> = {
  connections: 'connections',
  devices: 'devices',
  messages: 'messages',
  publishes: 'publishes',
  subscriptions: 'subscriptions',
  members: 'members',
  cursors: 'cursors',
  outbox: 'outbox',
  presence: 'presence',
};

const PORTS: Record<TableName, CallPort> = {
  connections: 'ConnectionStore',
  devices: 'DeviceStore',
  messages: 'LogStore',
  publishes: 'LogStore',
  subscriptions: 'SubscriptionStore',
  members: 'MemberStore',
  cursors: 'CursorStore',
  outbox: 'LogStore',
  presence: 'LogStore',
};

/** Told of every call as it takes effect. */
export interface Watcher {
  /** It is about to do this, which its grants must allow. */
  asked(invocation: Invocation, table: TableName, action: TableAction): void;
  /** One page of a query. */
  read(invocation: Invocation, asked: Asked, rows: Row[]): void;
  wrote(invocation: Invocation, table: TableName): void;
  /** A row of a transaction that was decided before shows now. */
  showing(invocation: Invocation): void;
  /** The conditions of these writes did not hold. */
  refused(invocation: Invocation, writes: Write[]): void;
  /** A serializable read. */
  proved(invocation: Invocation, rows: number): void;
}

type BatchItems = Operations['BatchGetItem']['input']['RequestItems'];

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
  if (operation === 'BatchGetItem') {
    const { RequestItems } = input as Operations['BatchGetItem']['input'];
    return Object.keys(RequestItems).map((name) => ({ table: tableOf(name), action: operation }));
  }
  if (operation !== 'TransactWriteItems') return [{ table, action: operation }];
  const { TransactItems } = input as Operations['TransactWriteItems']['input'];
  return TransactItems.map((item) => ({ table: writeOf(item).table, action: transactionAction(item) }));
}

function transactionAction(item: TransactWrite): TableAction {
  if ('Put' in item) return 'PutItem';
  if ('Update' in item) return 'UpdateItem';
  return 'Delete' in item ? 'DeleteItem' : 'ConditionCheckItem';
}

type Effects = {
  [Name in Operation]: (input: Operations[Name]['input']) => { table: TableName; effect: Effect };
};

function effectsOn(database: Database, invocation: Invocation, watcher: Watcher): Effects {
  const refused = (writes: Write[]) => watcher.refused(invocation, writes);
  const write = (one: Write, returns: 'before' | 'after' = 'after') => ({
    table: one.table,
    effect: atOnce(() => {
      watcher.wrote(invocation, one.table);
      return { Attributes: orTell(refused, [one], () => database.write(one))[returns] };
    }),
  });

  return {
    GetItem({ TableName, Key, ConsistentRead }) {
      const table = tableOf(TableName);
      return { table, effect: atOnce(() => ({ Item: database.get(table, Key as Row, ConsistentRead) })) };
    },

    BatchGetItem({ RequestItems }) {
      const keys = batchKeysOf(RequestItems);
      return {
        table: keys[0]?.table ?? 'messages',
        effect: (done) => database.batchGet(keys, (rows, left) => done({ value: batchAnswer(rows, left) })),
      };
    },

    Query(input) {
      const { TableName, IndexName, KeyConditionExpression, ConsistentRead, Limit = 1000 } = input;
      const table = tableOf(TableName);
      if (IndexName !== undefined && ConsistentRead) throw new Error('an index knows no consistent read');
      return {
        table,
        effect: atOnce(() => {
          const asked: Asked = {
            table,
            index: IndexName,
            condition: KeyConditionExpression,
            bindings: bindingsOf(input),
            consistent: ConsistentRead,
            limit: Limit,
            start: input.ExclusiveStartKey as Row | undefined,
            backwards: input.ScanIndexForward === false,
          };
          const page = database.query(asked);
          watcher.read(invocation, asked, page.rows);
          return { Items: page.rows, LastEvaluatedKey: page.lastKey };
        }),
      };
    },

    PutItem: (input) => write(putOf(input)),
    DeleteItem: (input) => write(deleteOf(input), 'before'),
    UpdateItem: (input) => write(updateOf(input), input.ReturnValues === 'ALL_OLD' ? 'before' : 'after'),

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
      const writes = TransactItems.map(writeOf);
      const begun = () => {
        for (const { table } of writes) watcher.wrote(invocation, table);
      };
      const table = writes.some((one) => one.table === 'subscriptions') ? 'subscriptions' : 'messages';
      const showing = () => watcher.showing(invocation);
      return { table, effect: transaction(database, writes, { begun, showing, refused }) };
    },
  };
}

const batchKeysOf = (items: BatchItems): BatchKey[] =>
  Object.entries(items).flatMap(([name, { Keys, ConsistentRead: consistent }]) =>
    Keys.map((key) => ({ table: tableOf(name), key: key as Row, consistent })),
  );

function batchAnswer(rows: BatchRow[], left: BatchKey[]): Operations['BatchGetItem']['output'] {
  const byTable = <Value extends { table: TableName }, Of>(values: Value[], of: (values: Value[]) => Of) =>
    Object.fromEntries(
      [...Map.groupBy(values, ({ table }) => table)].map(([table, some]) => [TABLE_NAMES[table], of(some)]),
    );
  return {
    Responses: byTable(rows, (some) => some.map(({ row }) => row)),
    UnprocessedKeys: byTable(left, (some) => ({ Keys: some.map(({ key }) => key), ConsistentRead: true })),
  };
}

/** A transaction is sent again under the same client token: the second finds that the first has happened. */
function transaction(
  database: Database,
  writes: Write[],
  { begun, showing, refused }: { begun: () => void; showing: () => void; refused: (writes: Write[]) => void },
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
      orTell(refused, writes, () => database.transact(writes, { showing, shown }));
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

function updateOf(input: Update): Write {
  const { TableName, UpdateExpression } = input;
  checkBindings(input, UpdateExpression);
  const key = input.Key as Row;
  return {
    table: tableOf(TableName),
    key,
    change: (row) => updated(UpdateExpression, row ?? key, bindingsOf(input)),
    ...conditionOf(input),
  };
}

type Keyed = Extract<TransactWrite, { Delete: unknown }>['Delete'];

const deleteOf = (input: Keyed): Write => ({
  table: tableOf(input.TableName),
  key: input.Key as Row,
  change: () => undefined,
  ...conditionOf(input),
});

const checkOf = (input: Keyed): Write => ({ ...deleteOf(input), isCheck: true });

function writeOf(item: TransactWrite): Write {
  if ('Put' in item) return putOf(item.Put);
  if ('Update' in item) return updateOf(item.Update);
  return 'Delete' in item ? deleteOf(item.Delete) : checkOf(item.ConditionCheck);
}

const conditionOf = (input: Conditional): Pick<Write, 'condition' | 'bindings' | 'returnOld'> => ({
  condition: input.ConditionExpression,
  bindings: bindingsOf(input),
  returnOld: input.ReturnValuesOnConditionCheckFailure === 'ALL_OLD',
});

const tables = new Map(Object.entries(TABLE_NAMES).map(([table, name]) => [name, table as TableName]));

function tableOf(name: string): TableName {
  const table = tables.get(name);
  if (table === undefined) throw new Error(`no table ${name}`);
  return table;
}

/** DynamoDB refuses a name or a value that no expression uses. */
function checkBindings(input: Conditional, update = ''): void {
  const used = usedIn(`${input.ConditionExpression} ${update}`);
  const check = (name: string) => {
    if (!used.has(name)) throw new Error(`no expression uses ${name}`);
  };
  for (const name in input.ExpressionAttributeNames) check(name);
  for (const name in input.ExpressionAttributeValues) check(name);
}

/** By expression, the names and values in it: the same few are asked for again and again. */
const used = new Map<string, ReadonlySet<string>>();

function usedIn(expression: string): ReadonlySet<string> {
  const names = used.get(expression) ?? new Set(expression.match(/[:#]\w+/g));
  used.set(expression, names);
  return names;
}
