/** Checks of the flows beside the plain gradient flow: their equations, paths, ends, rates and symmetries. */
import type { Check } from '../check.js';
import { endChecks } from './flows/ends.js';
import { equationChecks } from './flows/equations.js';
import { pathChecks } from './flows/paths.js';
import { symmetryChecks } from './flows/symmetries.js';

export const otherFlowChecks: readonly Check[] = [
  ...equationChecks,
  ...pathChecks,
  ...endChecks,
  ...symmetryChecks,
];
