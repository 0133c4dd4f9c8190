/** What differs between Node and browsers, asked at run time so that no file imports Node's modules statically. */

export const inNode = (): boolean => typeof process !== 'undefined' && Boolean(process.versions?.node);

/** What an error says, without its stack or hints on further lines. */
export const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).trim().split('\n')[0] ?? '';
