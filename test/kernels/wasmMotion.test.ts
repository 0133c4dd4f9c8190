/** Decay and frozen factors in the fused kernel of wasm (on/wasmMotions.ts): a method of each scheme. */
import { variantsHere } from '../../kernels/wasm/variants.js';
import { testMotions } from './on/wasmMotions.js';

testMotions([(await variantsHere())[0]!], ['gd-a-then-b', 'rk4', 'rkc2'], [[5, 7, 3]]);
