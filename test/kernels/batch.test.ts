/** A trajectory alone and in a batch by tensor operations (on/batch.ts), on wasm. */
import { testBatches } from './on/batch.js';

testBatches('wasm', true);
