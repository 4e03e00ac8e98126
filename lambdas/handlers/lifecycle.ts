/**
 * Tells the application who comes and goes. Driven by the stream of the Connections table, and by
 * the presence queue where it is to be looked up later whether a user is still away.
 */
import { connectionChangeIn } from '../adapters/dynamodb/lifecycle-records.ts';
import { offlineCheckIn } from '../adapters/queue/offline-checks.ts';
import { checkOffline, type LifecycleApp, tellChange } from '../domain/connection/lifecycle.ts';
import { type BatchResponse, type Item, type RecordsEvent, serveInOrder } from './records.ts';

export const createLifecycleHandler =
  (app: LifecycleApp) =>
  async (event: RecordsEvent): Promise<BatchResponse> =>
    await serveInOrder(event, {
      key: 'userId',
      serve: (item) => tell(app, item),
      logger: app.logger,
      failure: 'event failed',
    });

async function tell(app: LifecycleApp, item: Item): Promise<void> {
  if ('messageId' in item) return await checkOffline(app, offlineCheckIn(item));
  const change = connectionChangeIn(item);
  if (change) await tellChange(app, change);
}
