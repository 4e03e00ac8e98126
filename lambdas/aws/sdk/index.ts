/** The clients of AWS that go into the Lambdas where `awsClient` is `sdk`: those of the AWS SDK. */
export { createDynamoDb } from './dynamodb.ts';
export { createManagementApi } from './management-api.ts';
