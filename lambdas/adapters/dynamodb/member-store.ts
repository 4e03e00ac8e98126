/** Whom topics belong to, in DynamoDB. */
import type { DynamoDb } from '../../aws/dynamodb.ts';
import type { Member } from '../../domain/model.ts';
import type { MemberStore } from '../../domain/ports/member-store.ts';
import { ifHolds, outlastTransactions, throwBusyIfThrottled } from './faults.ts';
import { queryAll } from './query-all.ts';
import { MEMBERS_BY_TOPIC, type MemberRow } from './tables.ts';

/** A user who is a member already keeps the time and the place of the first join. */
const notYetMember = 'attribute_not_exists(userId)';

export function createMemberStore(dynamodb: DynamoDb, tableName: string): MemberStore {
  const find = async (userId: string, topic: string): Promise<Member | undefined> => {
    const get = { TableName: tableName, Key: { userId, topic }, ConsistentRead: true };
    const { Item } = await throwBusyIfThrottled(dynamodb.call('GetItem', get));
    return Item && toMember(Item as MemberRow);
  };

  return {
    find,

    async add(member) {
      const put = { TableName: tableName, Item: toRow(member), ConditionExpression: notYetMember };
      if (await ifHolds(outlastTransactions(() => dynamodb.call('PutItem', put)))) return member;
      // Removed between the two: as if it had been removed after this call.
      return (await find(member.userId, member.topic)) ?? member;
    },

    async remove(userId, topic) {
      // A connection of the user may be subscribing as a member's.
      const { Attributes } = await outlastTransactions(() =>
        dynamodb.call('DeleteItem', {
          TableName: tableName,
          Key: { userId, topic },
          ReturnValues: 'ALL_OLD',
        }),
      );
      return Attributes !== undefined;
    },

    async topicsOf(userId) {
      const rows = await queryAll<MemberRow>(dynamodb, tableName, { name: 'userId', value: userId });
      return rows.map(toMember);
    },

    async page(topic, limit, after) {
      const { name, partition, sort } = MEMBERS_BY_TOPIC;
      const { Items = [], LastEvaluatedKey } = await throwBusyIfThrottled(
        dynamodb.call('Query', {
          TableName: tableName,
          IndexName: name,
          KeyConditionExpression:
            after === undefined
              ? `${partition.name} = :topic`
              : `${partition.name} = :topic AND ${sort.name} > :after`,
          ExpressionAttributeValues: { ':topic': topic, ...(after !== undefined && { ':after': after }) },
          ConsistentRead: false,
          Limit: limit,
        }),
      );
      return {
        members: (Items as MemberRow[]).map(toMember),
        next: (LastEvaluatedKey as MemberRow | undefined)?.userId,
      };
    },
  };
}

const toRow = ({ userId, topic, joinedAt, joined }: Member): MemberRow => ({
  userId,
  topic,
  joinedAt,
  joinedSeq: joined.seq,
  epoch: joined.epoch,
});

const toMember = ({ userId, topic, joinedAt, joinedSeq, epoch }: MemberRow): Member => ({
  userId,
  topic,
  joinedAt,
  joined: { epoch, seq: joinedSeq },
});
