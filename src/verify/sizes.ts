/** Names of how large and how many the random problems of a verification are. */
export const sizes = ['small', 'paper', 'large'] as const;
export type CaseSize = (typeof sizes)[number];
