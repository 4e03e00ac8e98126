/** In the bundles `node:http`: imported as an ES module it loads all that it re-exports, 10 to 40 ms of each cold start. */
const http = process.getBuiltinModule('node:http');

export const { Agent, request } = http;

export default http;
