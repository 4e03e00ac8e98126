/** Every log of ours: kept for a time, and gone with the stack. */
import { RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { LogLevel } from '../lambdas/logger.ts';

export interface LogSettings {
  /** What is less grave the Lambdas do not log. */
  readonly level: LogLevel;
  readonly retention: RetentionDays;
  /** Undefined: a key of AWS's own. */
  readonly encryptionKey: IKey | undefined;
}

export const createLog = (
  scope: Construct,
  id: string,
  { retention, encryptionKey }: Omit<LogSettings, 'level'>,
): LogGroup =>
  new LogGroup(scope, id, {
    retention,
    ...(encryptionKey && { encryptionKey }),
    removalPolicy: RemovalPolicy.DESTROY,
  });
