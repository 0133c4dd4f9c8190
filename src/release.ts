/** Which rankflow this is: what its package and checkout say, or in a browser the build of the page. */

export interface Release {
  readonly version: string;
  /**
   * Commit of the checkout, with `-dirty` if files differ from it; outside a checkout the one that the package was made
   * from, if it says so, else null.
   */
  commit(): string | null;
}

/** Defined by the build of a page (vite.config.ts), and nowhere else. */
declare const RANKFLOW_RELEASE: { readonly version: string; readonly commit: string | null } | undefined;

export const release: Release =
  typeof RANKFLOW_RELEASE === 'undefined'
    ? (await import('./installed.js')).installed
    : { ...RANKFLOW_RELEASE, commit: () => RANKFLOW_RELEASE!.commit };
