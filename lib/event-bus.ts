/** Publishing without waiting for an answer: an event bus, and what becomes of a notification that fails every retry. */
import { Duration, Names } from 'aws-cdk-lib';
import { EventBus, type IEventBus, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { Construct } from 'constructs';
import { LAMBDAS } from '../lambdas/manifest.ts';
import { DeadLetterQueue, type DeadLetterQueueProps } from './dead-letter-queue.ts';

export interface NotificationBusProps extends DeadLetterQueueProps {
  /** Undefined: a new one. */
  readonly eventBus: IEventBus | undefined;
}

export class NotificationBus extends Construct {
  readonly bus: IEventBus;
  /** Events that EventBridge could not hand to Lambda. */
  readonly undeliveredEvents: DeadLetterQueue;
  /** Events, and asynchronous invocations, on which `notify` failed. */
  readonly failedNotifications: DeadLetterQueue;

  constructor(scope: Construct, id: string, props: NotificationBusProps) {
    super(scope, id);
    this.bus = props.eventBus ?? this.#createBus();
    this.undeliveredEvents = new DeadLetterQueue(this, 'UndeliveredEvents', props);
    this.failedNotifications = new DeadLetterQueue(this, 'FailedNotifications', props);
  }

  /** Apart from the constructor, since the Lambdas need the name of the bus first. */
  deliverTo(notify: IFunction) {
    new Rule(this, 'Notifications', {
      eventBus: this.bus,
      eventPattern: { detailType: [...LAMBDAS.notify.busEvents] },
      targets: [
        // A day at most, because that is how long an event's id keeps a second try from becoming a second message.
        new LambdaFunction(notify, {
          deadLetterQueue: this.undeliveredEvents,
          retryAttempts: 185,
          maxEventAge: Duration.hours(24),
        }),
      ],
    });
    // EventBridge invokes asynchronously, so what the handler throws is retried here and not by the rule.
    notify.configureAsyncInvoke({
      onFailure: new SqsDestination(this.failedNotifications),
      retryAttempts: 2,
      maxEventAge: Duration.hours(6),
    });
  }

  #createBus(): EventBus {
    return new EventBus(this, 'Bus', {
      eventBusName: Names.uniqueResourceName(this, { separator: '-', maxLength: 256 }),
      description: 'Herald: events of detail type "Notification" are published',
    });
  }
}
