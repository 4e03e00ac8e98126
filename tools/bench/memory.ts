/** What this process has in use, garbage not counted. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

export function megabytesInUse(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1e6;
}
