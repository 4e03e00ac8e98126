/** What the start of a connection must know, in DynamoDB: rows of three tables in one call. */
import type { DynamoDb } from '../../aws/dynamodb.ts';
import type { StartStore } from '../../domain/ports/start-store.ts';
import { batchGetOf } from './batch-get.ts';
import { type DeviceTable, deviceRowsOf } from './device-store.ts';
import { headKey, toHead } from './message-rows.ts';
import { readStateKey, toReadState } from './read-state-store.ts';
import { type DeviceRow, type HeadRow, READ_STATE_ID, type ReadStateRow } from './tables.ts';

export interface StartTables {
  devices: DeviceTable;
  cursors: DeviceTable;
  /** The name of the table. */
  messages: string;
}

export function createStartStore(
  dynamodb: DynamoDb,
  { devices, cursors, messages }: StartTables,
  now: () => number,
): StartStore {
  const ofDevices = deviceRowsOf(devices, now);
  const ofCursors = deviceRowsOf(cursors, now);
  return {
    async read(asked) {
      const rowsOf = await batchGetOf(dynamodb, [
        ...asked.channels.map((name) => ({ tableName: messages, key: headKey(name) })),
        { tableName: devices.tableName, key: readStateKey(asked.userId) },
        ...(asked.device ? [{ tableName: devices.tableName, key: ofDevices.keyOf(asked.device) }] : []),
        ...asked.cursors.map((key) => ({ tableName: cursors.tableName, key: ofCursors.keyOf(key) })),
      ]);
      const heads = rowsOf<HeadRow>(messages);
      const ofUser = rowsOf<DeviceRow | ReadStateRow>(devices.tableName);
      const [readState] = ofUser.filter(isReadState);
      const [device] = ofDevices.devicesIn(ofUser.filter((row): row is DeviceRow => !isReadState(row)));
      return {
        heads: new Map(heads.map((row) => [row.channel, toHead(row)])),
        device,
        cursors: ofCursors.devicesIn(rowsOf<DeviceRow>(cursors.tableName)),
        readState: readState && toReadState(readState),
      };
    },
  };
}

const isReadState = (row: DeviceRow | ReadStateRow): row is ReadStateRow => row.deviceId === READ_STATE_ID;
