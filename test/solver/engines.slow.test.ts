/** Outcomes, save times and batches on the engines that are not quick, webgpu's tensor operations with RANKFLOW_SLOW=1. */
import { describe } from 'vitest';
import { slow } from '../cases/run.js';
import { eachEngine, slowEngines, slowestEngines } from '../engines.js';
import { batchesOn } from './on/batches.js';
import { outcomesOn } from './on/outcomes.js';
import { saveTimesOn } from './on/saveTimes.js';

eachEngine(slowEngines, 'outcomes by %s', outcomesOn);
eachEngine(slowEngines, 'save times by %s', saveTimesOn);
eachEngine(slowEngines, 'batches by %s', batchesOn);

describe.skipIf(!slow)('with RANKFLOW_SLOW=1', () => {
  eachEngine(slowestEngines, 'outcomes by %s', outcomesOn);
  eachEngine(slowestEngines, 'save times by %s', saveTimesOn);
  eachEngine(slowestEngines, 'batches by %s', batchesOn);
});
