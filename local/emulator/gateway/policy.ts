/** Reads what an authorizer answered, as strictly as API Gateway: a result of another form is a 500. */
import { isRecord } from '../../../lambdas/protocol/json.ts';

export type Verdict =
  | { outcome: 'allowed'; context: Record<string, string> }
  | { outcome: 'denied' }
  | { outcome: 'malformed'; problem: string };

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html */
const MAX_RESULT_BYTES = 8 * 1024;

/** WebSocket APIs know no simple response (`isAuthorized`), and match the policy against the `$connect` route. */
export function judge(result: unknown, methodArn: string): Verdict {
  if (!isRecord(result)) return malformed('not an object');
  const { principalId, policyDocument, context = {} } = result;
  if (typeof principalId !== 'string' || principalId === '') return malformed('principalId is missing');
  if (!isRecord(policyDocument)) return malformed('policyDocument is missing');
  if (!isRecord(context) || !Object.values(context).every(isScalar)) {
    return malformed('context may hold only strings, numbers and booleans');
  }
  if (Buffer.byteLength(JSON.stringify(result)) > MAX_RESULT_BYTES) return malformed('larger than 8 KB');

  const statements = asList(policyDocument.Statement);
  if (statements.length === 0 || !statements.every(isStatement))
    return malformed('the policy has no statement');
  const matching = statements.filter((statement) => matches(statement, methodArn));
  const allowed = matching.length > 0 && matching.every(({ Effect }) => Effect === 'Allow');
  if (!allowed) return { outcome: 'denied' };
  const texts = Object.entries(context).map(([name, value]) => [name, String(value)]);
  return { outcome: 'allowed', context: { ...Object.fromEntries(texts), principalId } };
}

const malformed = (problem: string): Verdict => ({ outcome: 'malformed', problem });

interface Statement {
  Effect: 'Allow' | 'Deny';
  Action: unknown;
  Resource: unknown;
}

const isStatement = (value: unknown): value is Statement =>
  isRecord(value) &&
  (value.Effect === 'Allow' || value.Effect === 'Deny') &&
  'Action' in value &&
  'Resource' in value;

const matches = ({ Action, Resource }: Statement, methodArn: string): boolean =>
  asList(Action).some((action) => likeText(action, 'execute-api:Invoke')) &&
  asList(Resource).some((resource) => likeText(resource, methodArn));

/** In a policy `*` stands for any characters, `?` for one. */
function likeText(pattern: unknown, text: string): boolean {
  if (typeof pattern !== 'string') return false;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(text);
}

const asList = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value];

const isScalar = (value: unknown): value is string | number | boolean =>
  ['string', 'number', 'boolean'].includes(typeof value);
