/** The AWS clients that go into the Lambdas if `awsClient` is `sdk`: those of the AWS SDK. */
export { createDynamoDb } from './dynamodb.ts';
export { createManagementApi } from './management-api.ts';
