/** The published schemas, to hold real traffic against. */
import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { parse } from 'yaml';

interface ApiDocument {
  /** Of the requests, each with its methods. */
  paths?: Record<string, object>;
  components: { schemas: Record<string, unknown> };
}

const read = (file: string): ApiDocument =>
  parse(readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8'));

export const pathsOf = (file: 'openapi.yaml'): Record<string, object> => read(file).paths ?? {};

/** Throws, with what was wrong, for a value that is not what the document says. */
export type Check = (schema: string, value: unknown) => void;

export function schemasOf(file: 'openapi.yaml' | 'asyncapi.yaml'): Check {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  ajv.addSchema({ $id: file, ...read(file) });
  const validators = new Map<string, ValidateFunction>();
  return (schema, value) => {
    const validate = validators.get(schema) ?? ajv.compile({ $ref: `${file}#/components/schemas/${schema}` });
    validators.set(schema, validate);
    if (validate(value)) return;
    throw new Error(
      `not a ${schema} of ${file}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(value)}`,
    );
  };
}
