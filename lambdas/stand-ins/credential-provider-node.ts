/**
 * Stands in for the SDK's credential chain in the bundles: Lambda always hands its credentials over by the environment,
 * and the ways never taken would be a third of a cold start.
 */
import { readAccess } from '../env.ts';

export const defaultProvider = () => async () => {
  const { accessKeyId, secretAccessKey, sessionToken } = readAccess();
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
};
