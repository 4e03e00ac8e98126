/** A fresh process that posts so many frames in one way, 64 at a time, and prints what that took. */
import type { Gateway } from '../../lambdas/domain/ports/gateway.ts';
import { messageFrame } from '../../lambdas/protocol/frames.ts';
import { encodeFrame } from '../../lambdas/wire/herald/encode.ts';

const [variant, url = '', count, protocol] = process.argv.slice(2);
const posts = Number(count);
const message = {
  seq: 58,
  id: 'bench',
  type: 't',
  data: JSON.stringify('x'.repeat(170)),
  sentAt: Date.now(),
};
const value = messageFrame('user:alice', message);
const frame = encodeFrame(value);
const WARM_UP = 500;
/** As in `lambdas/domain/publish/deliver.ts`. */
const AT_ONCE = 64;

/** What is loaded counts as cold: each way loads its own. */
const ways: Record<string, () => Promise<(connectionId: string) => Promise<unknown>>> = {
  async ours() {
    const { createGateway } = await import('../../lambdas/adapters/api-gateway/gateway.ts');
    const { createManagementApi } = await import('../../lambdas/aws/lean/management-api.ts');
    const { readAccess } = await import('../../lambdas/env.ts');
    const silent = { info() {}, warn() {}, error() {}, metrics() {} };
    const gateway: Gateway = createGateway(silent, createManagementApi({ readAccess }));
    return async (connectionId) => {
      const outcome = await gateway.post({ connectionId, endpoint: url, dialect: 'herald.v1' }, value);
      if (outcome !== 'sent') throw new Error(outcome);
    };
  },
  async sdk() {
    const { ApiGatewayManagementApiClient, PostToConnectionCommand } = await import(
      '@aws-sdk/client-apigatewaymanagementapi'
    );
    const client = new ApiGatewayManagementApiClient({ endpoint: url });
    return (ConnectionId) => client.send(new PostToConnectionCommand({ ConnectionId, Data: frame }));
  },
  async unsigned() {
    const { Agent, request } = process.getBuiltinModule(protocol === 'https' ? 'node:https' : 'node:http');
    const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
    const { hostname, port } = new URL(url);
    return (connectionId) =>
      new Promise((resolve, reject) => {
        const path = `/prod/@connections/${encodeURIComponent(connectionId)}`;
        const sent = request({ agent, hostname, port, path, method: 'POST' }, (response) =>
          response.resume().on('end', resolve),
        );
        sent.on('error', reject).end(frame);
      });
  },
};

const loadedAt = performance.now();
const post = await (ways[variant ?? ''] ?? ways.ours)?.();
if (!post) throw new Error(`${variant} is no way to post`);
const isWarm = protocol === 'http';
if (isWarm) await send(WARM_UP);
const startedAt = isWarm ? performance.now() : loadedAt;
const before = process.cpuUsage();
await send(posts);
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ cpuMs: (user + system) / 1000, wallMs: performance.now() - startedAt }));
process.exit(0);

async function send(total: number): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < total) await post?.(`Xk3vQf1_IA${String(10_000 + next++)}=`);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
