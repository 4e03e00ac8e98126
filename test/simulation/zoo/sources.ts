/** Where the mutants find the sources that they change. */

export const domain = (file: string) => `lambdas/domain/${file}.ts`;
export const store = (file: string) => `lambdas/adapters/dynamodb/${file}.ts`;
export const wire = (file: string) => `lambdas/wire/${file}.ts`;
export const client = (file: string) => `client/${file}.ts`;
export const handler = (file: string) => `lambdas/handlers/${file}.ts`;
