/** An app whose users are called by a Web Push when they do not answer. */
import { App, Stack } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { NotificationBackend } from 'herald';
import { WebPush } from './web-push.ts';

const app = new App();
const stack = new Stack(app, 'Shop');

const { eventBus } = new NotificationBackend(stack, 'Notifications');
new WebPush(stack, 'WebPush', { eventBus, vapid: Secret.fromSecretNameV2(stack, 'Vapid', 'shop/vapid') });

app.synth();
