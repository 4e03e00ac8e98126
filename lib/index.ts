/** What `import … from 'herald'` gives: the construct and its settings. */
export type { CustomDomain } from './custom-domain.ts';
export { HeraldStack, type HeraldStackProps } from './herald-stack.ts';
export type { MessageTypesSource } from './lambda-code.ts';
export { NotificationBackend } from './notification-backend.ts';
export type { NotificationBackendProps } from './props.ts';
export { type Auth, InvalidSetting, type JwksAuth, type SecretAuth } from './settings.ts';
