/** What users, devices and channels are called on the page. */

/** `alice` as `Alice`. */
export const title = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** Such as `Alice’s phone`. */
export const nameOf = ({ userId, name }: { userId: string; name: string }): string =>
  `${title(userId)}’s ${name}`;
