/** Decay and frozen factors in the fused kernel of wasm (on/wasmMotions.ts): a method of each scheme. */
import { testMotions } from './on/wasmMotions.js';

testMotions(['fused'], ['gd-a-then-b', 'rk4', 'rkc2'], [[5, 7, 3]]);
