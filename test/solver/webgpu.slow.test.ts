/**
 * Outcomes, save times and batches on WebGPU, as on the other engines: by tensor operations, where each step takes many
 * calls of the device, and batches by the fused kernel too, each of whose ranks and methods is compiled.
 */
import { describe } from 'vitest';
import { slow } from '../cases/run.js';
import { eachEngine, quickEngines, slowEngines } from '../engines.js';
import { batchesOn } from './on/batches.js';
import { outcomesOn } from './on/outcomes.js';
import { saveTimesOn } from './on/saveTimes.js';

eachEngine(
  quickEngines.filter(({ backend }) => backend === 'webgpu'),
  'batches by %s',
  batchesOn,
);

// Minutes each under a software driver.
describe.skipIf(!slow)('with RANKFLOW_SLOW=1', () => {
  eachEngine(slowEngines, 'outcomes by %s', outcomesOn);
  eachEngine(slowEngines, 'save times by %s', saveTimesOn);
  eachEngine(slowEngines, 'batches by %s', batchesOn);
});
