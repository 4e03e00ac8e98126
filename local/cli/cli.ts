/** The program behind `npm start`, `npm run demo` and `npm run herald`: Herald by hand, here or deployed. */
import { dispatch } from './dispatch.ts';

await dispatch(process.argv.slice(2));
