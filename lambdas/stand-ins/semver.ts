/**
 * In the bundles `semver`, of which jsonwebtoken asks only whether Node is newer than 15: all of it
 * would be 28 KB.
 */
export const satisfies = (): boolean => true;
