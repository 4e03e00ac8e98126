#!/usr/bin/env node
/** The program `herald`, behind `npm start` and `npm run demo` too: Herald by hand, here or deployed. */
import { dispatch } from './dispatch.ts';

await dispatch(process.argv.slice(2));
