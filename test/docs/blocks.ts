/** The fenced blocks of the documentation, and which test answers for each: a new block without one fails `links.test.ts`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

export const ROOT = join(import.meta.dirname, '../..');

/** The documents of the root and those of `docs/`. */
export const PAGES: string[] = ['', 'docs/'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => folder + name),
);

export const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8').replaceAll('\r\n', '\n');

export interface Block {
  file: string;
  language: string;
  text: string;
  /** The page and the first line: what the claims name a block by. */
  name: string;
}

export const blocksOf = (file: string): Block[] =>
  [...read(file).matchAll(/^( *)```(\w*)\n([\s\S]*?)^\1```$/gm)].map(([, , language = '', text = '']) => ({
    file,
    language,
    text,
    name: `${file}: ${text.trim().split('\n')[0]}`,
  }));

/** By test file: the blocks it checks, by how their first lines begin. */
export const CLAIMS = {
  javascript: [
    "README.md: import { connect } from 'herald-client'",
    'README.md: const socket = new WebSocket',
    "docs/client.md: import { connect } from 'herald-client';\nimport type",
    "docs/client.md: import { connect } from 'herald-client';\nimport { inbox }",
    "docs/client.md: import { connect } from 'herald-client';\nimport 'herald-client/bell'",
    "docs/client.md: import type { Herald } from 'herald-client'",
    "docs/guide.md: import { join } from 'node:path'",
    "docs/guide.md: import jwt from 'jsonwebtoken'",
    "docs/guide.md: import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'",
    "docs/guide.md: import { connect } from 'herald-client';\n\nconst herald = connect(url, { token, deviceId: 'billing-1' })",
    "docs/guide.md: import * as v from 'valibot'",
    "docs/guide.md: import { connect } from 'herald-client';\n\nconst KEPT",
    "docs/guide.md: import { openBell } from './bell.js'",
    "docs/guide.md: import { connect } from 'herald-client';\n\nconst herald = connect(url, { token, deviceId: 'kiosk' })",
    'docs/guide.md: const herald = { subscribe:',
    "docs/client.md: import { connect } from 'herald-client';\n\nconst herald = connect(url, { token, deviceId: 'reader' })",
    "docs/client.md: import { connect } from 'herald-client';\n\nconst herald = connect(url, { token, deviceId: 'editor' })",
    "docs/guide.md: import { DynamoDBClient } from '@aws-sdk/client-dynamodb'",
  ],
  shell: [
    'README.md: npm ci && npm run demo',
    'README.md: npm run herald -- listen',
    'README.md: curl -X POST',
    'docs/guide.md: npm pack',
    'docs/guide.md: npm install',
    'docs/guide.md: npx cdk synth',
    'docs/guide.md: npx herald token',
    'docs/client.md: npm pack',
    'docs/client.md: npm install',
    'docs/guide.md: curl --aws-sigv4',
    'docs/guide.md: import boto3, json',
    'docs/guide.md: npx wscat',
    'docs/guide.md: npm start -- --port',
    'docs/guide.md: npm start -- --bundles',
    'docs/guide.md: npm run herald -- token',
    'docs/cost.md: $ npm run cost -- --users',
    'docs/cost.md: $ npm run cost -- --compare',
    'docs/guarantees.md: npm run simulate',
    'docs/guide.md: npm start -- --open-topics',
    'docs/guide.md: curl -X POST',
    'docs/guide.md: curl -X PUT',
  ],
  deploy: [
    'README.md: npx cdk deploy',
    'docs/guide.md: npm ci',
    'docs/guide.md: npx cdk deploy -c jwksUrl',
    'docs/guide.md: npx cdk deploy --outputs-file',
  ],
  runbook: [
    'docs/operations.md: aws sqs receive-message',
    'docs/operations.md: jq ',
    'docs/operations.md: aws sqs start-message-move-task',
    'docs/operations.md: aws secretsmanager put-secret-value',
    'docs/operations.md: aws secretsmanager list-secret-version-ids',
    'docs/operations.md: aws dynamodb scan',
    'docs/guide.md: aws scheduler create-schedule',
  ],
  frames: [
    'docs/protocol.md: {\n  "event": "ready"',
    'docs/protocol.md: {\n  "event": "message"',
    'docs/protocol.md: {\n  "event": "replay"',
    'docs/protocol.md: {"event":"subscribed"',
    'docs/protocol.md: {"event":"withdrawn"',
    'docs/protocol.md: {"event":"published"',
    'docs/protocol.md: {"event":"pong"',
    'docs/protocol.md: {"event":"history"',
    'docs/protocol.md: {"action":"ack"',
    'docs/protocol.md: {"action":"history"',
    'docs/protocol.md: { "subscribe": ',
    'docs/protocol.md: { "userId": "alice", "deviceId"',
    'docs/protocol.md: { "userId": "alice", "channel"',
    'docs/protocol.md: {\n  "id": "order-1-shipped"',
    'docs/protocol.md: { "id": "order-1-shipped", "notification"',
  ],
  phones: ['docs/guide.md: let url = URL(', 'docs/guide.md: val request = Request.Builder()'],
  /** `test/browser/stomp.test.ts` */
  stomp: ['docs/stomp.md: class SockJS'],
  /** Drawings. */
  nothing: ['README.md: ┌──', 'docs/architecture.md: one client'],
} as const;

export const isClaimedBy = (claim: string, { file, text }: Block): boolean =>
  `${file}: ${text.trimStart()}`.startsWith(claim);

/** The text of the one block that a claim names. */
export function block(claim: string): string {
  const page = claim.slice(0, claim.indexOf(': '));
  const found = blocksOf(page).filter((candidate) => isClaimedBy(claim, candidate));
  expect(
    found.map(({ name }) => name),
    claim,
  ).toHaveLength(1);
  return found[0]?.text ?? '';
}
