/** Tells the application who comes and goes. Driven by the stream of the Connections table. */
import { connectionChangeIn } from '../adapters/dynamodb/lifecycle-records.ts';
import { type LifecycleApp, tellChange } from '../domain/connection/lifecycle.ts';
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
  const change = 'messageId' in item ? undefined : connectionChangeIn(item);
  if (change) await tellChange(app, change);
}
