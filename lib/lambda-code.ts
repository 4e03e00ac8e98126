/** Where a Lambda's code comes from: the installed package carries it bundled, in this repository it is bundled from its source. */
import { cpSync, existsSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { LAMBDAS, type LambdaName } from '../lambdas/manifest.ts';
import { bundleHandler, bundleMessageTypes, OWN_MESSAGE_TYPES } from './bundle.ts';
import { type AwsClient, InvalidSetting } from './settings.ts';

export interface MessageTypesSource {
  /** Absolute path of a module, TypeScript or JavaScript, that exports `messageTypes`. Needs `esbuild` installed. */
  readonly entry: string;
}

/** In the package only. */
const PREBUILT = join(import.meta.dirname, '..', 'bundles');

export interface CodeChoice {
  readonly messageTypes?: MessageTypesSource | undefined;
  /** @default 'lean' */
  readonly awsClient?: AwsClient;
}

export function lambdaCode(handler: LambdaName, { messageTypes, awsClient = 'lean' }: CodeChoice = {}): Code {
  const prebuilt = join(PREBUILT, awsClient, handler);
  const hasTypes = LAMBDAS[handler].messageTypes;
  const isPackage = existsSync(prebuilt);
  if (isPackage && (!hasTypes || messageTypes === undefined)) return Code.fromAsset(prebuilt);
  const options = [handler, awsClient];
  return bundled(options, messageTypes?.entry ?? OWN_MESSAGE_TYPES, (outdir, entry) => {
    if (isPackage) cpSync(prebuilt, outdir, { recursive: true });
    else bundleHandler(handler, outdir, awsClient);
    if (hasTypes) bundleMessageTypes(entry, outdir);
  });
}

export function checkMessageTypes(messageTypes: MessageTypesSource | undefined): void {
  if (messageTypes === undefined) return;
  const { entry } = messageTypes;
  if (typeof entry === 'string' && isAbsolute(entry) && existsSync(entry)) return;
  throw new InvalidSetting(`messageTypes.entry is "${entry}", expected the absolute path of a file`);
}

/** The asset is what `write` wrote. It is not asked to where CDK only lists or destroys stacks. */
const bundled = (options: string[], entry: string, write: (outdir: string, entry: string) => void): Code =>
  Code.fromAsset(dirname(entry), {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      image: DockerImage.fromRegistry('never-used'),
      // CDK keeps one bundle per source and options, and these are all it can tell ours apart by.
      command: [...options, entry],
      local: {
        tryBundle(outdir) {
          write(outdir, entry);
          return true;
        },
      },
    },
  });
