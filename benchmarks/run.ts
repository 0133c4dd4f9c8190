/**
 * Measures what rankflow is to be: `npm run bench`, `-- --only ID,ID` for some workloads, `-- --json FILE` to keep the
 * results. Exit code 1 if a bar is missed; what cannot run here is skipped, and says why.
 */
import { cpus } from 'node:os';
import { writeFileSync } from 'node:fs';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { useBackend } from '../src/backend/useBackend.js';
import { provenance } from '../src/host/provenance.js';
import { heading, notes, resultsTable } from './report.js';
import { resultsOf, type Result } from './workload.js';
import { workloads } from './workloads/all.js';

const ids = workloads.map(({ id }) => id);

const { only, json } = await yargs(hideBin(process.argv))
  .scriptName('npm run bench --')
  .usage(`$0 [options]\n\n${workloads.map(({ id, claim }) => `${id}: ${claim}`).join('\n')}`)
  .options({
    only: { type: 'string', requiresArg: true, describe: 'ids of workloads, separated by commas' },
    json: { type: 'string', requiresArg: true, describe: 'file to write the results to' },
  })
  .check(({ only }) => {
    const unknown = only?.split(',').filter((id) => !ids.includes(id)) ?? [];
    if (unknown.length > 0) throw new Error(`no workload ${unknown.join(', ')}: one of ${ids.join(', ')}`);
    return true;
  })
  .strict()
  .locale('en')
  .wrap(110)
  .parseAsync();

const chosen = only?.split(',') ?? ids;
const backend = await useBackend('wasm');
console.log(heading(provenance(backend, 1, null)));
console.log(`${cpus().length} cores, ${process.platform} ${process.arch}\n`);

const results: Result[] = [];
for (const workload of workloads.filter(({ id }) => chosen.includes(id))) {
  const begun = performance.now();
  results.push(...(await resultsOf(workload)));
  process.stderr.write(`${workload.id}: ${((performance.now() - begun) / 1000).toFixed(1)} s\n`);
}

console.log(`${resultsTable(results)}\n${notes(results, 110)}`);
if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);

const missed = results.filter(({ pass }) => pass === false).map(({ id }) => id);
if (missed.length > 0) console.log(`\nBars missed: ${missed.join(', ')}.`);
// A software driver of WebGPU keeps threads of its own.
process.exit(missed.length > 0 ? 1 : 0);
