/** Reads what a Lambda reports of a batch, whether it came from a stream or a queue. */

/**
 * The identifiers of the items that failed; none: all is well. Undefined: nothing that Lambda can read,
 * so the whole batch failed.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export function failedItems(result: unknown): unknown[] | undefined {
  if (result === null || result === undefined) return [];
  if (typeof result !== 'object') return undefined;
  const failures: unknown = (result as Record<string, unknown>).batchItemFailures;
  if (failures === null || failures === undefined) return [];
  if (!Array.isArray(failures)) return undefined;
  return failures.map((failure: { itemIdentifier?: unknown } | null) => failure?.itemIdentifier);
}
