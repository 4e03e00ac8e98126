/** A shop with notifications of its own kinds, published by a Lambda of its own. */
import { fileURLToPath } from 'node:url';
import { App, Duration, Stack, Tags } from 'aws-cdk-lib';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { NotificationBackend } from 'herald';

const app = new App();
const stack = new Stack(app, 'Shop');
Tags.of(stack).add('team', 'orders');

const notifications = new NotificationBackend(stack, 'Notifications', {
  messageTypes: { entry: fileURLToPath(new URL('message-types.ts', import.meta.url)) },
  closedTypes: true,
  defaultRetention: Duration.days(14),
});

const ship = new LambdaFunction(stack, 'Ship', {
  runtime: Runtime.NODEJS_24_X,
  handler: 'index.handler',
  code: Code.fromInline('exports.handler = async () => {};'),
  environment: { BUS: notifications.eventBus.eventBusName },
});
notifications.grantPublish(ship);

app.synth();
