/** The controls of the webgpu kernel: each kind has a file in controls/. */
import type { Method } from '../../src/method/method.js';
import { errorText } from './controls/error.wgsl.js';
import { fixedText } from './controls/fixed.wgsl.js';

/**
 * WGSL of a method's control: `plan()` sets the next step, `decide(step, squares, inRange)` accepts or rejects one that
 * was tried, `advance(step)` and `arrive()` count time, `progress()` tells how much of the span is done, and
 * `outcomeOfRejection(inRange)` says whether a rejected step is the end.
 */
export const controlText = ({ scheme, control }: Method): string =>
  control.kind === 'fixed' ? fixedText : errorText(scheme, control);
