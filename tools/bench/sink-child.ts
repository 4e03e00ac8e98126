/** Stands for `@connections` in a process of its own, so that only the poster's CPU is counted: takes every post. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  request.resume().on('end', () => response.end());
});
server.listen(0, '127.0.0.1', () => {
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}/stage`);
});

process.on('disconnect', () => process.exit(0)); // it does not outlive who started it
