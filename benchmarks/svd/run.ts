/**
 * The singular value decomposition beside ml-matrix's and LAPACK's, on all families and sizes:
 * `node dist/benchmarks/svd/run.js` after `npm run bench`'s build, with Python and SciPy as $PYTHON.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import type { Dense } from '../../src/numbers/dense.js';
import { svd } from '../../src/numbers/svd.js';
import { packageRoot } from '../../src/host/packageRoot.js';
import { table } from '../../src/report/table.js';
import { families } from './families.js';
import { measured, type Measured } from './measure.js';
import { MlMatrix } from './mlMatrix.js';

const { sizes, limit, only, json } = await yargs(hideBin(process.argv))
  .scriptName('node dist/benchmarks/svd/run.js')
  .options({
    sizes: { type: 'string', default: '1,2,3,8,40,64,129,384,512', describe: 'sizes, separated by commas' },
    limit: { type: 'number', default: 60, describe: 'seconds after which ml-matrix is stopped' },
    only: { type: 'string', describe: 'families whose name contains this' },
    json: { type: 'string', describe: 'file to write the results to' },
  })
  .strict()
  .locale('en')
  .parseAsync();

const tools = ['rankflow', 'ml-matrix', 'gesdd', 'gesvd'] as const;
type Row = { readonly family: string; readonly size: number } & Record<
  (typeof tools)[number],
  Measured | null
>;

/** A matrix as a .npy file, version 1. */
function npy({ rows, cols, data }: Dense): Buffer {
  const text = `{'descr': '<f8', 'fortran_order': False, 'shape': (${rows}, ${cols}), }`;
  const header = Buffer.from(`${text.padEnd(128 - 11)}\n`);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  return Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
    length,
    header,
    new Uint8Array(data.buffer),
  ]);
}

/** LAPACK's results for matrices in their order. */
function lapack(matrices: readonly Dense[]): { gesdd: Measured; gesvd: Measured }[] {
  const folder = mkdtempSync(join(tmpdir(), 'rankflow-svd-'));
  try {
    matrices.forEach((a, i) => writeFileSync(join(folder, `${String(i).padStart(3, '0')}.npy`), npy(a)));
    const script = join(packageRoot, 'benchmarks/svd/lapack.py');
    const printed = execFileSync(process.env['PYTHON'] ?? 'python3', [script, folder], {
      encoding: 'utf8',
      maxBuffer: 2 ** 24,
    });
    return printed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { gesdd: Measured; gesvd: Measured });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const chosen = Object.entries(families).filter(([name]) => name.includes(only ?? ''));
const mlMatrix = new MlMatrix();
const rows: Row[] = [];
for (const size of sizes.split(',').map(Number)) {
  const matrices = chosen.map(([, family]) => family(size, size));
  const peers = lapack(matrices);
  for (const [i, [family]] of chosen.entries()) {
    const own = measured(matrices[i]!, (a) => svd(a));
    const other = await mlMatrix.measure({ family, size }, limit);
    rows.push({ family, size, rankflow: own, 'ml-matrix': other, ...peers[i]! });
  }
  process.stderr.write(`${size} x ${size}: done\n`);
}
mlMatrix.close();

const number = (value: number) => (value === 0 ? '0' : value.toExponential(1));
const cell = (found: Measured | null) =>
  found ? [number(found.residual), number(found.orthogonality), number(found.seconds)] : ['never', '', ''];
const headings = tools.flatMap((tool) => [`${tool}: residual`, 'orthogonality', 'seconds']);
console.log(
  table(
    ['family', 'size', ...headings],
    rows.map((row) => [row.family, String(row.size), ...tools.flatMap((tool) => cell(row[tool]))]),
  ),
);

/** The worst of a tool over all families of a size; NaN is worse than any number. */
const worst = (of: readonly Row[], tool: (typeof tools)[number], key: 'residual' | 'orthogonality') =>
  number(
    of.reduce((most, row) => {
      const value = row[tool]?.[key] ?? 0;
      return value <= most ? most : value;
    }, 0),
  );
const total = (of: readonly Row[], tool: (typeof tools)[number]) =>
  number(of.reduce((sum, row) => sum + (row[tool]?.seconds ?? 0), 0));
console.log('\nOver all families: the worst defects, the seconds of all that ended, and how many never did.');
console.log(
  table(
    ['size', ...headings, 'ml-matrix: never'],
    [...new Set(rows.map((row) => row.size))].map((size) => {
      const of = rows.filter((row) => row.size === size);
      return [
        String(size),
        ...tools.flatMap((tool) => [
          worst(of, tool, 'residual'),
          worst(of, tool, 'orthogonality'),
          total(of, tool),
        ]),
        String(of.filter((row) => row['ml-matrix'] === null).length),
      ];
    }),
  ),
);
if (json !== undefined) writeFileSync(json, `${JSON.stringify(rows, null, 2)}\n`);
