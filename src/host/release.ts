/** Release of this rankflow: what its package and checkout say, or in a browser the build of the page. */
import type { Release } from './installed.js';

/** Defined by the build of a page (vite.config.ts), and nowhere else. */
declare const RANKFLOW_RELEASE: { readonly version: string; readonly commit: string | null } | undefined;

export const release: Release =
  typeof RANKFLOW_RELEASE === 'undefined'
    ? (await import('./installed.js')).installed
    : { ...RANKFLOW_RELEASE, commit: () => RANKFLOW_RELEASE!.commit };
