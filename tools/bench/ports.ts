/** Free ports for servers that must be told theirs. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** The system hands out none of them twice as long as all are held together. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
