/** Decay and frozen factors in the fused kernel of wasm (on/wasmMotions.ts): a method of each scheme. */
import { variantsHere } from '../../kernels/wasm/variants.js';
import { testMotions } from './on/wasmMotions.js';

const here = await variantsHere();
const fastest = [here[0]!, here.find((variant) => variant.startsWith('wasm'))!];

testMotions([...new Set(fastest)], ['gd-a-then-b', 'rk4', 'rkc2'], [[5, 7, 3]]);
