/** Rows as JavaScript has them, and the attribute values that DynamoDB's JSON makes of them. */

/** Of texts, numbers, booleans, sets of texts, and maps of these: all that our tables hold. */
export type Row = object;

type Members = Record<string, unknown>;

type AttributeValue =
  | { S: string }
  | { N: string }
  | { BOOL: boolean }
  | { SS: string[] }
  | { M: Attributes };
export type Attributes = Record<string, AttributeValue>;

/**
 * Throws a `TypeError` for a value that our tables never hold, such as `undefined`. The error does
 * not quote the value: it may be part of somebody's message.
 */
export function toAttributes(row: Row): Attributes {
  const members = row as Members;
  const attributes: Attributes = {};
  for (const name in members) attributes[name] = toAttribute(members[name]);
  return attributes;
}

function toAttribute(value: unknown): AttributeValue {
  switch (typeof value) {
    case 'string':
      return { S: value };
    case 'number':
      if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return { N: String(value) };
      break;
    case 'boolean':
      return { BOOL: value };
    case 'object':
      if (value instanceof Set) return { SS: [...(value as Set<string>)] };
      if (value !== null && !Array.isArray(value)) return { M: toAttributes(value) };
  }
  throw new TypeError(`a value of type ${typeof value} that no attribute of our tables may have`);
}

/**
 * Leaves out attributes of types that Herald never writes: somebody else added them to the row.
 * DynamoDB promises no order of a row's attributes. In one order, rows with the same attributes
 * share a hidden class in V8, which makes whatever reads them about twice as fast.
 */
export function toRow(attributes: Attributes): Row {
  const row: Members = {};
  for (const name of Object.keys(attributes).sort()) {
    const value = toValue(attributes[name] as AttributeValue);
    if (value !== undefined) row[name] = value;
  }
  return row;
}

function toValue(attribute: AttributeValue): unknown {
  if ('S' in attribute) return attribute.S;
  if ('N' in attribute) return Number(attribute.N);
  if ('BOOL' in attribute) return attribute.BOOL;
  if ('SS' in attribute) return new Set(attribute.SS);
  return 'M' in attribute ? toRow(attribute.M) : undefined;
}
