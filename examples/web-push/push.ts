/** Turns the event `Message Unanswered` into a Web Push to every browser in which the user has agreed to it. */
import { createHash } from 'node:crypto';
import type { Agent } from 'node:https';
import { DeleteCommand, type DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import webPush from 'web-push';

/** The parts of the event that are used here. */
export interface UnansweredEvent {
  detail: { userId: string; seq: number; id: string; type: string };
}

/** `subject`: how the push service reaches you, `mailto:` or `https:`. */
export interface VapidKeys {
  subject: string;
  publicKey: string;
  privateKey: string;
}

export interface PushOptions {
  dynamodb: DynamoDBDocumentClient;
  /** Partition key `userId`, sort key `endpoint`; `keys` as the browser gives them. */
  tableName: string;
  vapid: VapidKeys;
  /** @default Node's own */
  agent?: Agent;
}

/** A row of the table: what `PushSubscription.toJSON()` gives, and whose it is. */
interface Row {
  userId: string;
  endpoint: string;
  keys: { p256dh: string; auth: string };
}

/** After so long nobody needs to be called any more. */
const TTL_SECONDS = 3600;
/** The browser, or its user, has given the subscription up. */
const GONE = [404, 410];

/** Rejects when a push service did not take it: then Lambda invokes again, and who has it sees it once. */
export const createPush =
  ({ dynamodb, tableName, ...options }: PushOptions) =>
  async ({ detail }: UnansweredEvent): Promise<void> => {
    const { Items = [] } = await dynamodb.send(
      new QueryCommand({
        TableName: tableName,
        KeyConditionExpression: 'userId = :userId',
        ExpressionAttributeValues: { ':userId': detail.userId },
      }),
    );
    const pushed = await Promise.allSettled(
      (Items as Row[]).map(async (row) => {
        if ((await pushTo(row, detail, options)) === 'gone') await forget(dynamodb, tableName, row);
      }),
    );
    const failed = pushed.filter((one) => one.status === 'rejected');
    if (failed.length > 0)
      throw new AggregateError(
        failed.map(({ reason }) => reason),
        'not all were pushed to',
      );
  };

async function pushTo(
  { endpoint, keys }: Row,
  { id, seq, type }: UnansweredEvent['detail'],
  { vapid, agent }: Pick<PushOptions, 'vapid' | 'agent'>,
): Promise<'pushed' | 'gone'> {
  try {
    // A push holds 4 KB, and the push service learns who is told what size of it: no data of the message.
    await webPush.sendNotification({ endpoint, keys }, JSON.stringify({ id, seq, type }), {
      vapidDetails: vapid,
      TTL: TTL_SECONDS,
      urgency: 'high',
      topic: topicOf(id),
      ...(agent && { agent }),
    });
    return 'pushed';
  } catch (error) {
    if (error instanceof webPush.WebPushError && GONE.includes(error.statusCode)) return 'gone';
    throw error;
  }
}

/** Of the pushes of one topic that wait for a browser, the push service keeps the last: at most 32 characters. */
const topicOf = (id: string): string => createHash('sha256').update(id).digest('base64url').slice(0, 32);

const forget = (dynamodb: DynamoDBDocumentClient, TableName: string, { userId, endpoint }: Row) =>
  dynamodb.send(new DeleteCommand({ TableName, Key: { userId, endpoint } }));
