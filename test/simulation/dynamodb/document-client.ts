/** The document client the stores are given: their commands, run by the simulated database, one network call each. */
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
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
  messages: 'MessageLog',
  publishes: 'MessageLog',
};

/** Told of every call as it takes effect. */
export interface Watcher {
  read(invocation: Invocation, table: TableName, rows: Row[], isFirstPage: boolean): void;
  wrote(invocation: Invocation, table: TableName): void;
}

type Effect = (done: (result: Result<unknown>) => void) => void;

export function createDocumentClient(
  database: Database,
  invocation: Invocation,
  watcher: Watcher,
): DynamoDBDocumentClient {
  const client: DynamoDBDocumentClient = Object.create(DynamoDBDocumentClient.prototype);
  const send = (command: unknown): Promise<unknown> => {
    const { table, effect } = effectOf(database, command, invocation, watcher);
    return invocation.call(PORTS[table], effect, (kind) => ({
      error: kind === 'throttled' ? throttled() : new Error('simulated: the store is unreachable'),
    }));
  };
  return Object.assign(client, { send });
}

function effectOf(
  database: Database,
  command: unknown,
  invocation: Invocation,
  watcher: Watcher,
): { table: TableName; effect: Effect } {
  const write = (one: Write) => {
    watcher.wrote(invocation, one.table);
    return database.write(one);
  };

  if (command instanceof GetCommand) {
    const { TableName: name, Key = {}, ConsistentRead = false } = command.input;
    const table = tableOf(name);
    return {
      table,
      effect: atOnce(() => ({ Item: database.get(table, Key as Row, ConsistentRead) })),
    };
  }
  if (command instanceof QueryCommand) {
    const {
      KeyConditionExpression = '',
      ConsistentRead = false,
      Limit = 1000,
      ExclusiveStartKey,
    } = command.input;
    const table = tableOf(command.input.TableName);
    return {
      table,
      effect: atOnce(() => {
        const start = ExclusiveStartKey as Row | undefined;
        const bindings = bindingsOf(command.input);
        const page = database.query(table, KeyConditionExpression, bindings, ConsistentRead, Limit, start);
        watcher.read(invocation, table, page.rows, start === undefined);
        return { Items: page.rows, LastEvaluatedKey: page.lastKey };
      }),
    };
  }
  if (command instanceof PutCommand || command instanceof DeleteCommand || command instanceof UpdateCommand) {
    checkBindings(command.input);
    const one = writeOf(command);
    return { table: one.table, effect: atOnce(() => ({ Attributes: write(one) })) };
  }
  if (command instanceof TransactGetCommand) {
    const reads = (command.input.TransactItems ?? []).map(({ Get }) => ({
      table: tableOf(Get?.TableName),
      key: (Get?.Key ?? {}) as Row,
    }));
    return {
      table: 'messages',
      effect: atOnce(() => ({ Responses: database.transactGet(reads).map((Item) => ({ Item })) })),
    };
  }
  if (command instanceof TransactWriteCommand) {
    const writes = (command.input.TransactItems ?? []).map(({ Put }) => {
      if (!Put) throw new Error('only puts are simulated within a transaction');
      return writeOf(new PutCommand({ ...Put, Item: Put.Item ?? {} } as PutCommand['input']));
    });
    return {
      table: 'messages',
      effect: transaction(database, writes, () =>
        writes.forEach(({ table }) => {
          watcher.wrote(invocation, table);
        }),
      ),
    };
  }
  throw new Error(`not simulated: ${String(command)}`);
}

/** The SDK sends a transaction again under the same client token: the second finds that the first has happened. */
function transaction(database: Database, writes: Write[], begun: () => void): Effect {
  let decided: { shown: boolean; waiting: (() => void)[] } | undefined;
  return (done) => {
    begun();
    const answer = () => done({ value: {} });
    if (decided) return decided.shown ? answer() : void decided.waiting.push(answer);
    try {
      const mine = { shown: false, waiting: [answer] };
      database.transact(writes, () => {
        mine.shown = true;
        for (const waiting of mine.waiting) waiting();
      });
      decided = mine;
    } catch (error) {
      done({ error });
    }
  };
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

function writeOf(command: PutCommand | DeleteCommand | UpdateCommand): Write {
  const { input } = command;
  const table = tableOf(input.TableName);
  const bindings = bindingsOf(input);
  const common = {
    table,
    condition: input.ConditionExpression,
    bindings,
    returnOld: input.ReturnValuesOnConditionCheckFailure === 'ALL_OLD',
  };
  if (command instanceof PutCommand) {
    const row = command.input.Item as Row;
    return { ...common, key: row, change: () => row };
  }
  const key = (command.input.Key ?? {}) as Row;
  if (command instanceof DeleteCommand) return { ...common, key, change: () => undefined };
  const expression = command.input.UpdateExpression ?? '';
  return { ...common, key, change: (row) => updated(expression, row ?? key, bindings) };
}

function tableOf(name: string | undefined): TableName {
  const table = (Object.keys(TABLE_NAMES) as TableName[]).find((key) => TABLE_NAMES[key] === name);
  if (table === undefined) throw new Error(`no table ${name}`);
  return table;
}

/** DynamoDB refuses a name or a value that no expression uses. */
function checkBindings(input: (PutCommand | DeleteCommand | UpdateCommand)['input']): void {
  const update = 'UpdateExpression' in input ? input.UpdateExpression : '';
  const used = new Set(`${input.ConditionExpression} ${update}`.match(/[:#]\w+/g));
  for (const name of [...Object.keys(bindingsOf(input).names), ...Object.keys(bindingsOf(input).values)]) {
    if (!used.has(name)) throw new Error(`no expression uses ${name}`);
  }
}
