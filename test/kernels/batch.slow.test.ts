/** A trajectory alone and in a batch by tensor operations (on/batch.ts), on the other backends, which need not be here. */
import { listBackends } from '../../src/backend/useBackend.js';
import { testBatches } from './on/batch.js';

testBatches('cpu', true);
const reports = await listBackends();
for (const name of ['webgpu', 'tensorflow'] as const)
  testBatches(
    name,
    reports.some((report) => report.name === name && report.available),
  );
