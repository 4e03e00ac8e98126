#!/usr/bin/env node
/** The program `herald`, behind `npm start` and `npm run demo` too: Herald by hand, here or deployed. */
import { dispatch } from './dispatch.ts';

/** As a shell tells of a program that ended so: whoever read what we print has left, as `head` does. */
const SIGPIPE_CODE = 141;

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? SIGPIPE_CODE : 1));
}

await dispatch(process.argv.slice(2));
