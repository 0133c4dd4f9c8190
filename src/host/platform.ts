/** Differences between Node and browsers, asked at run time so that no file imports Node's modules statically. */

export const inNode = (): boolean => typeof process !== 'undefined' && Boolean(process.versions?.node);

/** Tests whether this is the thread of Node.js that hears of signals. */
export const inMainThread = (): boolean =>
  inNode() && process.getBuiltinModule('node:worker_threads').isMainThread;

/** Message of an error, without its stack or hints on further lines. */
export const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).trim().split('\n')[0] ?? '';

/**
 * Reason why a library of the system does not load, in the words of the dynamic linker; null if it does. Node.js only.
 */
export function loadError(library: string): string | null {
  try {
    process.dlopen({ exports: {} }, library);
    return null;
  } catch (error) {
    // What Node says of a library that is no addon, once it has loaded.
    const reason = firstLine(error);
    return reason.includes('did not self-register') ? null : reason;
  }
}
