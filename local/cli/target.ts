/** Which stack a command speaks to: the local one, one by its URL, or one by the outputs of its deployment. */
import type { Options } from './command.ts';
import { type Outputs, readOutputs } from './outputs.ts';
import { url } from './values.ts';

const LOCAL: Required<Pick<Outputs, 'WebSocketUrl' | 'HttpUrl'>> = {
  WebSocketUrl: 'ws://127.0.0.1:8787/local',
  HttpUrl: 'http://127.0.0.1:8787',
};

const SCHEMES = { WebSocketUrl: 'ws', HttpUrl: 'http' } as const;

export interface TargetValues {
  url?: string | undefined;
  outputs?: string | undefined;
  stack?: string | undefined;
}

/** `kind`: what of the stack the command needs. */
export const targetOptions = (kind: keyof typeof LOCAL) =>
  ({
    url: { value: 'URL', help: `of the stack (default: ${LOCAL[kind]})` },
    outputs: { value: 'FILE', help: 'takes the URL from what cdk deploy --outputs-file wrote' },
    stack: { value: 'NAME', help: 'with --outputs, when the file has several stacks' },
  }) as const satisfies Options;

/** Throws an error of one line. */
export function targetUrl(kind: keyof typeof LOCAL, values: TargetValues): URL {
  const { url: given, outputs, stack } = values;
  if (stack !== undefined && outputs === undefined)
    throw new Error('--stack is for --outputs, which is not given');
  if (given !== undefined && outputs !== undefined)
    throw new Error('both --url and --outputs are given, expected one of them');
  if (outputs === undefined) return url('--url', given ?? LOCAL[kind], SCHEMES[kind]);
  return url(`--outputs ${outputs}: ${kind}`, readOutputs(outputs, stack)[kind], SCHEMES[kind]);
}
