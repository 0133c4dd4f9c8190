/** The state of the lab in its address: flags of `rankflow sweep`, the rank in focus and the tab, after the #. */
import type { Flags } from './protocol.js';

export const tabs = ['sweep', 'advise', 'verify'] as const;
export type Tab = (typeof tabs)[number];

export interface Address {
  readonly tab: Tab;
  readonly flags: Flags;
  /** The rank in focus; null for the one that the page chooses. */
  readonly focus: number | null;
  /** Groups of checks to verify; null for all. */
  readonly only: readonly string[] | null;
}

/** Flags that a visitor sees first: a power law learnt from a small balanced start, whose loss has a closed form. */
export const defaultFlags: Flags = {
  spectrum: 'power:1',
  shape: '64x64',
  ranks: '1,2,4,8,16',
  init: 'balanced:0.0001',
  trials: '256',
};

/** Reads an address such as `#tab=sweep&focus=4&spectrum=power%3A1&...`; without flags, the default. */
export function parseAddress(hash: string): Address {
  const { tab, focus, only, ...flags } = Object.fromEntries(new URLSearchParams(hash.replace(/^#/, '')));
  return {
    tab: tabs.find((name) => name === tab) ?? 'sweep',
    flags: Object.keys(flags).length > 0 ? flags : defaultFlags,
    focus: /^\d+$/.test(focus ?? '') ? Number(focus) : null,
    only: only === undefined ? null : only.split(','),
  };
}

export function formatAddress({ tab, flags, focus, only }: Address): string {
  const extra = {
    ...(tab !== 'sweep' && { tab }),
    ...(focus !== null && { focus: String(focus) }),
    ...(only && { only: only.join(',') }),
  };
  return `#${new URLSearchParams({ ...extra, ...flags })}`;
}
