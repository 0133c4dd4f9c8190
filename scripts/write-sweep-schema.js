// Writes the JSON Schema of sweep configs from the built project: npm run schema.
import { writeFileSync } from 'node:fs';
import { sweepJsonSchema } from '../dist/src/sweep/config.js';

const file = new URL('../src/sweep/sweep.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(sweepJsonSchema(), null, 2)}\n`);
