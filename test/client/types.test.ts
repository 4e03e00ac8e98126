/** A message's `data` is what the server's registry says of its type. */
import * as v from 'valibot';
import { expectTypeOf, it } from 'vitest';
import type { connect, Herald, Message, Status } from '../../client/index.ts';
import { defineMessageTypes } from '../../lambdas/domain/publish/message-types.ts';

const types = defineMessageTypes({
  'order.shipped': { data: v.object({ orderId: v.string(), parcels: v.optional(v.number(), 1) }) },
  'user.greeted': { retentionSeconds: 3600 },
});

type Types = typeof types;

it('infers data from the registry, by type', () => {
  type Shipped = Extract<Message<Types>, { type: 'order.shipped' }>;
  expectTypeOf<Shipped['data']>().toEqualTypeOf<{ orderId: string; parcels: number }>();
  expectTypeOf<Extract<Message<Types>, { type: 'user.greeted' }>['data']>().toBeUnknown();
  expectTypeOf<Message<Types>['type']>().toExtend<string>();
});

it('has a message of a type that the registry lacks: a newer server may send one', () => {
  const use = (message: Message<Types>) => {
    switch (message.type) {
      case 'order.shipped':
        return expectTypeOf(message.data).toEqualTypeOf<{ orderId: string; parcels: number }>();
      case 'user.greeted':
        return expectTypeOf(message.type).toEqualTypeOf<'user.greeted'>();
      default:
        expectTypeOf(message).not.toBeNever();
        expectTypeOf(message.type).toExtend<string>();
        return expectTypeOf(message.data).toBeUnknown();
    }
  };
  expectTypeOf(use).toBeFunction();
});

it('hands such messages to handlers and iterators', () => {
  const use = (herald: Herald<Types>) => {
    herald.on('message', (message) => {
      if (message.type === 'order.shipped') expectTypeOf(message.data.orderId).toBeString();
    });
    expectTypeOf(herald.messages()).toEqualTypeOf<AsyncIterableIterator<Message<Types>>>();
    herald.on('status', (status) => expectTypeOf(status).toEqualTypeOf<Status>());
    // @ts-expect-error there is no such event
    herald.on('massage', () => {});
  };
  expectTypeOf(use).toBeFunction();
  expectTypeOf<ReturnType<typeof connect<Types>>>().toEqualTypeOf<Herald<Types>>();
});

it('leaves data unknown without a registry', () => {
  expectTypeOf<Message['data']>().toBeUnknown();
  expectTypeOf<Message['type']>().toBeString();
});

it('types topics, everyone and what is published', () => {
  const use = (herald: Herald<Types>) => {
    for (const topic of [herald.topic('news'), herald.everyone]) {
      topic.on('message', (message) => {
        if (message.type === 'order.shipped') expectTypeOf(message.data.orderId).toBeString();
      });
      expectTypeOf(topic[Symbol.asyncIterator]().next).returns.resolves.toExtend<
        IteratorResult<Message<Types>, unknown>
      >();
      // @ts-expect-error a topic has no status
      topic.on('status', () => {});
    }
    const to = { topic: 'news' };
    // Defaults are filled in by the server.
    void herald.publish({ to, type: 'order.shipped', data: { orderId: '7' } });
    void herald.publish({ to: { everyone: true }, type: 'user.greeted', origin: 'device' });
    // @ts-expect-error data of another type
    void herald.publish({ to, type: 'order.shipped', data: { orderId: 7 } });
    // @ts-expect-error the registry lacks it
    void herald.publish({ to, type: 'order.lost' });
  };
  expectTypeOf(use).toBeFunction();
});
