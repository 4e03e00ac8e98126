/** How AWS is reached: by the usual credentials, or at an endpoint of one's own. */
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { isLoopback, regionOf } from '../../local/cli/signed-request.ts';
import type { TargetSettings } from './settings.ts';

/** For any client of the AWS SDK. Servers on this machine take any credentials. */
export function awsClient({ httpUrl, endpointUrl }: Pick<TargetSettings, 'httpUrl' | 'endpointUrl'>) {
  const isHere = endpointUrl !== undefined && isLoopback(new URL(endpointUrl));
  return {
    region: regionOf(new URL(httpUrl)),
    ...(endpointUrl !== undefined && { endpoint: endpointUrl }),
    ...(isHere && { credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }),
  };
}

/** The region stands in the ARN. Rejects with an error of one line. */
export async function readSecret(secretArn: string, endpointUrl: string | undefined): Promise<string> {
  const client = new SecretsManagerClient({
    ...awsClient({ httpUrl: 'https://secretsmanager', endpointUrl }),
    ...(secretArn.startsWith('arn:') && { region: secretArn.split(':')[3] }),
  });
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: secretArn }));
    if (SecretString) return SecretString;
    throw new Error('it holds no text');
  } catch (cause) {
    throw new Error(`the secret ${secretArn} cannot be read: ${(cause as Error).message}`, { cause });
  } finally {
    client.destroy();
  }
}

const TABLE_VARIABLE = /^([A-Z]+)_TABLE$/;

/** The tables of a stack, as its notify Lambda knows them; undefined when one may not ask. */
export async function findTables(settings: TargetSettings): Promise<Record<string, string> | undefined> {
  if (settings.functionName === undefined) return undefined;
  const client = new LambdaClient({ ...awsClient(settings), maxAttempts: 1 });
  try {
    const { Environment } = await client.send(
      new GetFunctionConfigurationCommand({ FunctionName: settings.functionName }),
    );
    const tables = Object.entries(Environment?.Variables ?? {}).flatMap(([name, value]) => {
      const table = TABLE_VARIABLE.exec(name)?.[1]?.toLowerCase();
      return table === undefined ? [] : [[table, value]];
    });
    return tables.length > 0 ? Object.fromEntries(tables) : undefined;
  } catch {
    return undefined; // cleaning up is a courtesy: the report says what is left
  } finally {
    client.destroy();
  }
}
