/** In the bundles `node:https`, for the same reason as its neighbour. */
const https = process.getBuiltinModule('node:https');

export const { Agent, request } = https;

export default https;
