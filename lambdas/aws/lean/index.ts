/**
 * The clients of AWS that go into the Lambdas unless `awsClient` is `sdk`: written for the few
 * calls we make.
 */
export { createDynamoDb } from './dynamodb.ts';
export { createManagementApi } from './management-api.ts';
