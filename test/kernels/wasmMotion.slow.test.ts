/** Decay and frozen factors in the fused kernel of wasm (on/wasmMotions.ts): every method, of every variant. */
import { variantsHere } from '../../kernels/wasm/variants.js';
import { flowMethodNames } from '../../src/method/methods.js';
import { testMotions } from './on/wasmMotions.js';

testMotions(await variantsHere(), flowMethodNames, [
  [5, 7, 3],
  [9, 1, 2],
  [8, 8, 8],
  [17, 6, 13],
]);
