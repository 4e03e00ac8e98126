import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/browser/**', 'test/soak/**', '**/node_modules/**'],
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // A handler's module builds its app from these as it is imported; nothing is called with them.
    env: {
      CONNECTIONS_TABLE: 'Connections',
      DEVICES_TABLE: 'Devices',
      MESSAGES_TABLE: 'Messages',
      PUBLISHES_TABLE: 'Publishes',
      CALLBACK_URL: 'http://127.0.0.1:1/local',
      MAX_CONNECTIONS_PER_USER: '10',
      DEFAULT_RETENTION_SECONDS: '604800',
      CLOSED_TYPES: 'false',
      JWT_SECRET_ARN: 'jwt-secret',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    },
  },
});
