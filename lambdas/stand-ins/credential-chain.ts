/**
 * In the bundles `@aws-sdk/credential-provider-node`: Lambda gives credentials in the environment,
 * and the SDK's clients ours.
 */
export const defaultProvider = () => async (): Promise<never> => {
  throw new Error('The bundle looks for no credentials');
};
