/** A trajectory alone and in a batch by tensor operations (on/batch.ts), on the processor. */
import { testBatches } from './on/batch.js';

testBatches('cpu', true);
testBatches('wasm', true);
