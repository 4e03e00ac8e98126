/**
 * The AWS clients that go into the Lambdas unless `awsClient` is `sdk`: written for the few calls
 * that Herald makes.
 */
export { createDynamoDb } from './dynamodb.ts';
export { createManagementApi } from './management-api.ts';
