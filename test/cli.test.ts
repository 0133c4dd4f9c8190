/** The built command, run as a user runs it: what it prints, what it writes, and what it refuses. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { EigenvalueDecomposition, Matrix, SingularValueDecomposition } from 'ml-matrix';
import { afterAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../src/files/safetensors.js';
import { writeSafetensors } from '../src/files/writeSafetensors.js';
import { formatNumber } from '../src/report/format.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const main = join(root, 'dist/src/cli/main.js');
const work = mkdtempSync(join(tmpdir(), 'rankflow-cli-'));
afterAll(() => rmSync(work, { recursive: true }));

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** As many processes at a time as there are processors, at most four. */
let free = Math.min(4, cpus().length);
const waiting: (() => void)[] = [];

const rankflow = (args: readonly string[], cwd = work): Promise<Ran> => node([main, ...args], cwd);

async function node(args: readonly string[], cwd: string): Promise<Ran> {
  if (free > 0) free--;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await new Promise<Ran>((resolve) => {
      const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (data) => (stdout += String(data)));
      child.stderr.on('data', (data) => (stderr += String(data)));
      child.on('close', (code) => resolve({ code, stdout, stderr }));
    });
  } finally {
    const next = waiting.shift();
    if (next) next();
    else free++;
  }
}

/** Runs a command that must succeed, on a command line without quotes. */
async function done(line: string): Promise<Ran> {
  const ran = await rankflow(line.split(/\s+/));
  expect(ran.code, `${line}\n${ran.stderr}`).toBe(0);
  return ran;
}

type Row = Record<string, string | number | null>;

const parquet = async (...path: string[]): Promise<Row[]> =>
  (await parquetReadObjects({ file: await asyncBufferFromFile(join(work, ...path)) })) as Row[];

/** All trial rows of a sweep's folder, by cell and trial. */
async function trialRows(folder: string): Promise<Row[]> {
  const parts = readdirSync(join(work, folder, 'trials')).sort();
  const rows = (await Promise.all(parts.map((part) => parquet(folder, 'trials', part)))).flat();
  return rows.sort(
    (a, b) => number(a, 'cell') - number(b, 'cell') || number(a, 'trial') - number(b, 'trial'),
  );
}

const number = (row: Row | undefined, name: string): number => {
  const value = row?.[name];
  if (typeof value !== 'number') throw new Error(`${name} is ${value}`);
  return value;
};

const json = (...path: string[]) => JSON.parse(readFileSync(join(work, ...path), 'utf8'));

const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
const squares = (values: readonly number[]) => sum(values.map((value) => value ** 2));
const relative = (a: number, b: number) => Math.abs(a - b) / Math.abs(b);

/** A matrix of no structure, the same in every run. */
const matrix = (rows: number, cols: number, seed: number): Matrix =>
  new Matrix(rows, cols).apply(function (this: Matrix, i: number, j: number) {
    this.set(i, j, Math.fround(Math.sin(1 + seed + 7.3 * i + 3.1 * j + i * j)));
  });

const csv = (a: Matrix) => a.to2DArray().map(String).join('\n');
const put = (name: string, content: string | Uint8Array) => writeFileSync(join(work, name), content);
const singularValues = (a: Matrix) => new SingularValueDecomposition(a, { autoTranspose: true }).diagonal;
/** 1/2 of the sum of the squares after the first r. */
const tailLoss = (sigma: readonly number[], r: number) => squares(sigma.slice(r)) / 2;

const [target, base, square] = [matrix(9, 7, 0), matrix(9, 7, 1), matrix(16, 16, 2)];
const covariance = Matrix.add(
  matrix(7, 7, 3)
    .transpose()
    .mmul(matrix(7, 7, 3))
    .mul(1 / 7),
  Matrix.eye(7).mul(0.5),
);
mkdirSync(join(work, 'conf'));
put('conf/target.csv', csv(target));
put('base.csv', csv(base));
put('square.csv', csv(square));
put('covariance.csv', csv(covariance));
const ON_WASM = '--backend wasm --seed 5';

describe.concurrent('help', () => {
  it.each(['sweep', 'simulate', 'theory', 'verify', 'devices'])(
    'of %s has options and examples',
    async (command) => {
      const { stdout, stderr } = await done(`${command} --help`);
      expect(stdout).toContain(`rankflow ${command}`);
      expect(stdout).toContain('Examples:');
      expect(stdout).toContain('--json');
      expect(stderr).toBe('');
    },
  );

  it('lists every command, and the version is that of the package', async () => {
    const [help, version] = await Promise.all([done('--help'), done('--version')]);
    for (const name of ['sweep', 'simulate', 'theory', 'verify', 'devices'])
      expect(help.stdout).toContain(`rankflow ${name}`);
    expect(version.stdout.trim()).toBe(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version);
  });
});

describe.concurrent('sweep', () => {
  const plain = `sweep --spectrum power:1 --shape 16x12 --ranks 1,2 --init gaussian:0.3,balanced:0.1 --trials 4 --steady ${ON_WASM}`;
  const sigma = Array.from({ length: 12 }, (_, i) => 1 / (i + 1));

  it('writes a whole folder, and prints the same as JSON alone', async () => {
    const { stdout, stderr } = await done(`${plain} --out whole --json`);
    const printed = JSON.parse(stdout);
    expect(stderr).not.toMatch(/TensorFlow/);
    const names = readdirSync(join(work, 'whole')).sort();
    expect(names).toEqual(
      [
        'arithmetic.json',
        'config.json',
        'curves.parquet',
        'plots',
        'report.html',
        'runs',
        'summary.csv',
        'summary.parquet',
        'trials',
      ].sort(),
    );
    expect(printed.folder).toBe('whole');

    const config = json('whole', 'config.json');
    expect(config).toEqual(printed.provenance);
    expect(config).toMatchObject({
      backend: 'wasm',
      precision: 'float32',
      seed: 5,
      tfjs: '4.22.0',
      runtime: `Node.js ${process.version}`,
    });
    expect(config.commit).toMatch(/^[0-9a-f]{40}(-dirty)?$/);
    expect(Date.now() - Date.parse(config.startedAt)).toBeLessThan(120_000);
    expect(config.config).toMatchObject({ ranks: [1, 2], trials: 4, steady: 1e-4, method: 'dopri5' });
    expect(config.config.saveTimes.at(-1)).toBe(config.config.time);

    const rows = await trialRows('whole');
    expect(rows.map(({ cell, trial }) => `${cell}/${trial}`)).toEqual(
      [0, 1, 2, 3].flatMap((cell) => [0, 1, 2, 3].map((trial) => `${cell}/${trial}`)),
    );
    const summary = await parquet('whole', 'summary.parquet');
    expect(summary).toEqual(printed.cells);
    const [header, ...lines] = readFileSync(join(work, 'whole', 'summary.csv'), 'utf8')
      .trim()
      .split('\n');
    expect(header?.split(',')).toEqual(Object.keys(summary[0] as Row));
    expect(lines).toHaveLength(4);

    const law = (r: number) => Math.sqrt(tailLoss(sigma, r) / tailLoss(sigma, 0));
    for (const cell of summary) {
      const r = number(cell, 'rank');
      expect(relative(number(cell, 'law'), law(r))).toBeLessThan(1e-12);
      expect(relative(number(cell, 'law'), law(3 - r))).toBeGreaterThan(0.1);
      expect(number(cell, 'optimum')).toBeCloseTo(tailLoss(sigma, r), 12);
      const own = rows.filter((row) => row['cell'] === cell['cell']);
      for (const row of own) {
        expect(row['outcome']).toBe('stationary');
        expect(relative(number(row, 'accuracy'), law(r))).toBeLessThan(1e-4);
        expect(relative(number(row, 'accuracy') ** 2 * tailLoss(sigma, 0), number(row, 'loss'))).toBeLessThan(
          1e-12,
        );
        expect(number(row, 'excess')).toBeCloseTo(number(row, 'loss') - tailLoss(sigma, r), 12);
      }
      expect(number(cell, 'accuracy_mean')).toBeCloseTo(
        sum(own.map((row) => number(row, 'accuracy'))) / 4,
        12,
      );
      expect([cell['outcome_stationary'], cell['trials'], cell['accuracy_count']]).toEqual([4, 4, 4]);
    }

    const curves = await parquet('whole', 'curves.parquet');
    expect(curves).toHaveLength(4 * config.config.saveTimes.length);
    for (const point of curves.slice(0, 5)) {
      const full = tailLoss(sigma, 0) * Math.exp(-2 * number(point, 'time'));
      expect(relative(number(point, 'full_fine_tuning'), full)).toBeLessThan(1e-9);
    }
    const plots = readdirSync(join(work, 'whole', 'plots'));
    for (const name of ['accuracy', 'loss', 'outcomes', 'time-to-optimum']) {
      expect(
        plots.filter((file) => file.startsWith(name) && file.endsWith('.svg')).length,
        name,
      ).toBeGreaterThan(0);
    }
    for (const file of plots) {
      const head = readFileSync(join(work, 'whole', 'plots', file))
        .subarray(0, 4)
        .toString('latin1');
      expect(head, file).toBe(file.endsWith('.png') ? '\x89PNG' : '<svg');
    }
    const page = readFileSync(join(work, 'whole', 'report.html'), 'utf8');
    expect(page).toContain('Eckart-Young-Mirsky');
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  it('prints a table, and runs again from the config that it wrote', async () => {
    const { stdout } = await done(`${plain} --out first`);
    for (const word of ['rank', 'law', '95 % CI', '4 stationary', 'Results: first'])
      expect(stdout).toContain(word);
    put('again.json', JSON.stringify({ ...json('first', 'config.json').config, out: 'again' }));
    await done('sweep --config again.json');
    expect(await trialRows('again')).toEqual(await trialRows('first'));
  });

  it('reads the same from a file as from flags, names files relative to it, and lets flags win', async () => {
    const yaml = [
      'loss: [frobenius]',
      'target: target.csv',
      'base: ../base.csv',
      'ranks: [1, 2]',
      'trials: 3',
    ];
    put('conf/sweep.yaml', [...yaml, 'init: [small:0.1]', 'lrRatioB: 2', 'time: 3', 'seed: 8'].join('\n'));
    put(
      'conf/list.json',
      JSON.stringify({ spectrum: 'sigma.csv', loss: ['frobenius'], shape: ['8x7'], ranks: [1] }),
    );
    put('conf/sigma.csv', '2\n1\n');
    const flags =
      '--target conf/target.csv --base base.csv --ranks 1,2 --trials 3 --init small:0.1 --lr-ratio-b 2 --time 3';
    await Promise.all([
      done(`sweep ${flags} --seed 8 --backend cpu --out flags`),
      done('sweep --config conf/sweep.yaml --backend cpu --out file'),
      done('sweep --config conf/sweep.yaml --backend cpu --out fewer --trials 2 --chunk 1'),
      done('sweep --config conf/sweep.yaml --backend cpu --out other --seed 9'),
      done('sweep --config conf/list.json --backend cpu --trials 1 --time 1 --out list'),
    ]);
    const rows = await trialRows('flags');
    expect(rows).toHaveLength(6);
    expect(await trialRows('file')).toEqual(rows);
    expect(await trialRows('fewer')).toEqual(rows.filter((row) => number(row, 'trial') < 2));
    expect((await trialRows('other')).map((row) => row['loss'])).not.toEqual(rows.map((row) => row['loss']));
  });

  it('finds the optimum of linear regression under a covariance', async () => {
    await done(
      `sweep --loss linear-regression --target conf/target.csv --covariance covariance.csv --ranks 1,3 --trials 3 --time 400 --steady 1e-5 ${ON_WASM} --out regression`,
    );
    // The squares of the singular values of E H^(1/2) are the eigenvalues of E H E^T.
    const weighted = target.mmul(covariance).mmul(target.transpose());
    const sigma = new EigenvalueDecomposition(weighted, { assumeSymmetric: true }).realEigenvalues
      .map((value) => Math.sqrt(Math.max(0, value)))
      .sort((a, b) => b - a);
    const unweighted = singularValues(target);
    for (const cell of await parquet('regression', 'summary.parquet')) {
      const r = number(cell, 'rank');
      const law = Math.sqrt(tailLoss(sigma, r) / tailLoss(sigma, 0));
      expect(relative(number(cell, 'law'), law)).toBeLessThan(1e-9);
      expect(relative(number(cell, 'accuracy_p50'), law)).toBeLessThan(1e-3);
      expect(relative(Math.sqrt(tailLoss(unweighted, r) / tailLoss(unweighted, 0)), law)).toBeGreaterThan(
        1e-2,
      );
    }
  });

  it('agrees with the Gaussian trace-squared law', async () => {
    await done(
      `sweep --loss trace-squared --base square.csv --ranks 1,2,4 --init gaussian --trials 64 --alpha 2 ${ON_WASM} --out trace`,
    );
    const [n, p] = [16, square.trace()];
    for (const cell of await parquet('trace', 'summary.parquet')) {
      const r = number(cell, 'rank');
      const expected = p ** 2 * ((n + r + 1) / (n * r + 2) - 1 / n);
      expect(relative(number(cell, 'law') ** 2, expected)).toBeLessThan(1e-9);
      const own = (await trialRows('trace')).filter((row) => row['cell'] === cell['cell']);
      const values = own.map((row) => number(row, 'distance') ** 2);
      const mean = sum(values) / 64;
      // At rank 1 the distance is the same for every draw, so there is no z-score.
      if (r === 1) {
        expect(cell['z_score']).toBeNull();
        expect(relative(mean, expected)).toBeLessThan(1e-3);
        continue;
      }
      const error = Math.sqrt(squares(values.map((value) => value - mean)) / 63 / 64);
      expect(number(cell, 'z_score')).toBeCloseTo((mean - expected) / error, 6);
      expect(Math.abs(number(cell, 'z_score'))).toBeLessThan(4);
      // The law of the other rank is many standard errors away.
      const other = p ** 2 * ((n + 6 - r + 1) / (n * (6 - r) + 2) - 1 / n);
      expect(Math.abs(mean - other) / error).toBeGreaterThan(4);
    }
  });

  it('takes a custom loss from a TypeScript file', async () => {
    const loss = `import type * as T from '@tensorflow/tfjs';
      const target: number[][] = ${JSON.stringify(target.to2DArray())};
      export default (w: T.Tensor3D, tf: typeof T) => tf.sum(tf.square(tf.sub(w, tf.tensor2d(target))), [1, 2]).mul(0.5);`;
    put('conf/distance.ts', loss);
    put(
      'conf/custom.yaml',
      'loss: [distance.ts]\nshape: [9x7]\nranks: [2, 7]\ntrials: 2\ntime: 300\nmethod: bosh3',
    );
    await done('sweep --config conf/custom.yaml --backend cpu --out custom');
    const sigma = singularValues(target);
    for (const row of await trialRows('custom')) {
      const r = number(row, 'rank');
      if (r === 2) expect(relative(number(row, 'loss'), tailLoss(sigma, 2))).toBeLessThan(1e-3);
      else expect(number(row, 'loss')).toBeLessThan(1e-3 * tailLoss(sigma, 2));
    }
    expect((await parquet('custom', 'summary.parquet')).map(({ law, metric }) => [law, metric])).toEqual([
      [null, 'loss'],
      [null, 'loss'],
    ]);
  });

  it('scales by rank', async () => {
    await done(
      'sweep --spectrum exp:0.5 --shape 6x8 --ranks 1,4 --scaling none,lora,rslora --alpha 3 --trials 1 --time 1 --backend cpu --out scaled',
    );
    expect(
      (await parquet('scaled', 'summary.parquet')).map(({ scaling, rank, scale }) => [scaling, rank, scale]),
    ).toEqual([
      ['none', 1, 3],
      ['none', 4, 3],
      ['lora', 1, 3],
      ['lora', 4, 0.75],
      ['rslora', 1, 3],
      ['rslora', 4, 1.5],
    ]);
  });

  it('advances by steps of a fixed size, and stops when steady', async () => {
    const common =
      'sweep --spectrum 2,1,0.5 --shape 5x4 --ranks 2 --init small:0.5 --trials 2 --seed 3 --backend cpu';
    const methods = ['rk4', 'gd-simultaneous', 'gd-a-then-b', 'gd-b-then-a'];
    await Promise.all([
      done(`${common} --time 0.3 --out dopri5`),
      ...methods.map((method) => done(`${common} --time 0.3 --method ${method} --step 0.01 --out ${method}`)),
      done(`${common} --time 900 --steady --out steady`),
      done(`${common} --time 900 --steady 0.1 --out early`),
    ]);
    const loss = async (folder: string) => number((await trialRows(folder))[0], 'loss');
    const exact = await loss('dopri5');
    expect(relative(await loss('rk4'), exact)).toBeLessThan(1e-5);
    const descents = await Promise.all(methods.slice(1).map(loss));
    for (const value of descents) {
      expect(relative(value, exact)).toBeLessThan(0.05);
      expect(relative(value, exact)).toBeGreaterThan(1e-4);
    }
    expect(new Set(descents).size).toBe(3);
    for (const row of await trialRows('rk4')) expect(row['accepted_steps']).toBe(30);
    const [steady, early] = await Promise.all(['steady', 'early'].map(trialRows));
    expect(steady?.map(({ outcome }) => outcome)).toEqual(['stationary', 'stationary']);
    expect(json('steady', 'config.json').config.steady).toBe(1e-4);
    expect(number(early?.[0], 'time')).toBeLessThan(number(steady?.[0], 'time'));
  });
});

describe.concurrent('simulate', () => {
  const coefficients = '--scale 0.7 --lr-ratio-a 1.3 --lr-ratio-b 2.1';

  /** 1/2 |W0 + s B A - M|^2 of every trial of a folder. */
  function finalLosses(folder: string, s: number, w0: Matrix, m: Matrix): number[] {
    const file = readSafetensors(join(work, folder, 'adapters.safetensors'));
    const [a, b] = [file.get('lora_A'), file.get('lora_B')];
    const [trials, r] = a.shape as [number, number];
    expect(a.shape).toEqual([trials, r, m.columns]);
    expect(b.shape).toEqual([trials, m.rows, r]);
    return Array.from({ length: trials }, (_, k) => {
      const part = (data: Float64Array, rows: number, cols: number) =>
        Matrix.from1DArray(rows, cols, data.slice(k * rows * cols, (k + 1) * rows * cols));
      const update = part(b.data, m.rows, r)
        .mmul(part(a.data, r, m.columns))
        .mul(s);
      return squares(Matrix.add(w0, update).sub(m).to1DArray()) / 2;
    });
  }

  it.each(['balanced:0.2', 'spectral:0.4'])(
    'keeps adapters that give the loss it reports, and the closed form: %s',
    async (init) => {
      const out = `simulated-${init.split(':')[0]}`;
      const { stdout } = await done(
        `simulate --target conf/target.csv --base base.csv --rank 3 ${coefficients} --init ${init} --time 4 --save-times 0.5,1,2 --trials 3 --backend wasm --json --out ${out}`,
      );
      const report = JSON.parse(stdout);
      const trials = init.startsWith('spectral') ? 1 : 3;
      expect(report.times).toEqual([0.5, 1, 2, 4]);
      expect(report.trials).toHaveLength(trials);
      const functionals = await parquet(out, 'functionals.parquet');
      expect(functionals).toHaveLength(4 * trials);
      const losses = finalLosses(out, 0.7, base, target);
      const wrong = finalLosses(out, 1, base, target);
      const sigma = singularValues(Matrix.sub(target, base));
      losses.forEach((loss, trial) => {
        const row = functionals.find((at) => at['trial'] === trial && at['time'] === 4);
        expect(relative(number(row, 'loss'), loss)).toBeLessThan(1e-6);
        expect(relative(number(row, 'loss'), wrong[trial] as number)).toBeGreaterThan(1e-2);
        expect(number(row, 'excess')).toBeCloseTo(loss - tailLoss(sigma, 3), 4);
        expect(report.trials[trial].loss.at(-1)).toBe(row?.['loss']);
      });
      report.closedForm.loss.forEach((loss: number, k: number) => {
        expect(relative(report.trials[0].loss[k], loss)).toBeLessThan(1e-5);
      });
      expect(relative(report.trials[0].loss[0], report.closedForm.loss[1])).toBeGreaterThan(1e-3);
      const values = await parquet(out, 'singular-values.parquet');
      expect(values).toHaveLength(4 * 3 * trials);
      values
        .filter(({ trial }) => trial === 0)
        .forEach((row, i) => {
          const exact = report.closedForm.singularValues[Math.floor(i / 3)][i % 3];
          expect(Math.abs(number(row, 'value') - exact)).toBeLessThan(1e-4);
        });
      expect(readdirSync(join(work, out)).sort()).toEqual([
        'adapters.safetensors',
        'config.json',
        'functionals.parquet',
        'plots',
        'report.html',
        'singular-values.parquet',
        'trials.parquet',
      ]);
    },
  );

  it('goes on from adapters that it saved', async () => {
    const common = `simulate --spectrum power:1 --shape 8x6 --vectors random --rank 2 ${coefficients} --trials 2 --backend cpu`;
    await Promise.all([
      done(`${common} --init small:0.3 --time 1 --out half`),
      done(`${common} --init small:0.3 --time 2 --out at-once`),
    ]);
    await done(`${common} --init half/adapters.safetensors --time 1 --out rest`);
    const [whole, rest, half] = await Promise.all(
      ['at-once', 'rest', 'half'].map((out) => parquet(out, 'trials.parquet')),
    );
    for (const trial of [0, 1]) {
      expect(relative(number(rest?.[trial], 'loss'), number(whole?.[trial], 'loss'))).toBeLessThan(1e-5);
      expect(relative(number(half?.[trial], 'loss'), number(whole?.[trial], 'loss'))).toBeGreaterThan(1e-3);
    }
  });

  it('starts PiSSA at W0, and ends at the best approximation of what the residual lacks', async () => {
    await done(
      'simulate --target conf/target.csv --base base.csv --init pissa --rank 2 --scale 3 --time 100 --save-times 1e-7 --backend cpu --out pissa',
    );
    const [start, end] = await parquet('pissa', 'functionals.parquet');
    expect(relative(number(start, 'loss'), squares(Matrix.sub(target, base).to1DArray()) / 2)).toBeLessThan(
      1e-5,
    );
    const svd = new SingularValueDecomposition(base);
    const leading = svd.leftSingularVectors
      .subMatrix(0, 8, 0, 1)
      .mmul(Matrix.diag(svd.diagonal.slice(0, 2)))
      .mmul(svd.rightSingularVectors.subMatrix(0, 6, 0, 1).transpose());
    const residual = Matrix.sub(base, leading);
    const optimum = tailLoss(singularValues(Matrix.sub(target, residual)), 2);
    expect(relative(number(end, 'loss'), optimum)).toBeLessThan(1e-3);
    expect(relative(finalLosses('pissa', 3, residual, target)[0] as number, optimum)).toBeLessThan(1e-3);
  });
});

describe.concurrent('theory', () => {
  it('prints what the formulas say', async () => {
    const [n, m] = [12, 10];
    const sigma = Array.from({ length: m }, (_, i) => Math.exp(-0.3 * i));
    const { stdout } = await done(
      `theory --spectrum exp:0.3 --shape ${n}x${m} --ranks 1,4,10 --init small --alpha 2 --lr-ratio-b 4 --json`,
    );
    const rows = JSON.parse(stdout);
    expect(rows.map(({ rank }: Row) => rank)).toEqual([1, 4, 10]);
    for (const row of rows) {
      const optimum = tailLoss(sigma, row.rank);
      expect(row.optimum).toBeCloseTo(optimum, 12);
      expect(row.relativeError).toBeCloseTo(Math.sqrt(optimum / tailLoss(sigma, 0)), 12);
      expect(row.distance).toBeCloseTo(Math.sqrt(2 * optimum), 12);
      // The gap; at rank 1 every start is balanced, and the exact rate differs by the square of the small factors.
      const gap = (sigma[row.rank - 1] as number) - (sigma[row.rank] ?? 0);
      expect(row.rate).toBeCloseTo(2 * 2 * gap, row.rank === 1 ? 5 : 12);
      expect(row.fullFineTuningRate).toBe(1);
    }
  });

  it('knows the rates of aligned and full-rank starts', async () => {
    const rates = async (flags: string) =>
      JSON.parse((await done(`theory --spectrum 3,2,1 --shape 3x3 ${flags} --json`)).stdout).map(
        ({ rate }: Row) => rate,
      );
    // At full rank the eigenvalue after sigma_3 is -sigma_3.
    expect(await rates('--ranks 2,3 --init small')).toEqual([1, 2]);
    // Per mode 2 D with D = sqrt(sigma^2 + 4 beta gamma), beta = gamma = 1/4 for rows of norm 1; the slowest counts.
    const [rate] = await rates('--ranks 2 --init spectral');
    expect(rate).toBeCloseTo(2 * Math.sqrt(2 ** 2 + 1 / 4), 12);
  });

  it('knows the distances of the trace-squared loss', async () => {
    const { stdout } = await done(
      'theory --loss trace-squared --base square.csv --ranks 2,8 --init spectral:0.5,gaussian,kaiming --json',
    );
    const p = Math.abs(square.trace());
    const rows: Row[] = JSON.parse(stdout);
    const spectral = (r: number) => p * Math.sqrt(1 / r - 1 / 16);
    const gaussian = (r: number) => p * Math.sqrt((17 + r) / (16 * r + 2) - 1 / 16);
    expect(rows.map(({ distance }) => distance)).toEqual([
      ...[spectral(2), spectral(8), gaussian(2), gaussian(8)].map((value) => expect.closeTo(value, 9)),
      null,
      null,
    ]);
    // U = V = |A0|^2 / 4 with r rows of norm 1/2; rate 2 sqrt(p^2 + 4 U V).
    expect(rows[1]?.['rate']).toBeCloseTo(2 * Math.sqrt(p ** 2 + 4 * ((8 * 0.25) / 4) ** 2), 9);
  });
});

describe.concurrent('verify', () => {
  const losses = join(root, 'test/fixtures/losses');

  it('passes, and writes the same as a table, as a page and as JSON', async () => {
    put('old.json', 'an older result');
    const { stdout, stderr } = await done(
      'verify --backend cpu --only flow --seed 6 --json old.json --html new/verify.html',
    );
    const findings: Row[] = json('old.json');
    expect(findings.map(({ id }) => id)).toContain('flow/autodiff');
    for (const finding of findings) {
      expect(Object.keys(finding)).toEqual([
        ...['id', 'claim', 'source', 'backend', 'measured', 'allowed', 'where', 'pass'],
      ]);
      expect(finding['pass']).toBe(true);
      expect(stdout).toContain(`│ ${finding['id']} `);
      expect(stdout).toContain(formatNumber(number(finding, 'measured')));
    }
    expect(stdout).toContain(`\n${findings.length} of ${findings.length} checks pass.\n`);
    expect(stdout).toContain('Results: new/verify.html');
    expect(stderr).toMatch(/rankflow verify on cpu[^]*100 %/);
    const page = readFileSync(join(work, 'new', 'verify.html'), 'utf8');
    expect(page).toContain(`${findings.length} of ${findings.length} checks pass.`);
    expect(page.match(/<tr>/g)).toHaveLength(1 + findings.length);
    expect(readdirSync(join(work, 'new'))).toEqual(['verify.html']);
  });

  it('takes every backend, and says which are absent', async () => {
    const [{ stdout }, { stderr }] = await Promise.all([
      done('devices --json'),
      done('verify --backend all --only flow/autodiff --html all.html'),
    ]);
    for (const { name, available } of JSON.parse(stdout))
      expect(stderr).toMatch(new RegExp(available ? `verify on ${name} \\(` : `not on ${name}: .{5}`));
  });

  it('passes a loss of the user, and puts the page in its folder', async () => {
    const { stdout } = await done(
      `verify --loss ${losses}/logCosh.ts --shape 7x4 --only flow --backend wasm`,
    );
    expect(stdout).toMatch(/logCosh\.ts/);
    expect(stdout).toContain('\n4 of 4 checks pass.');
    const [, page] = /Results: (\S+)/.exec(stdout) ?? [];
    expect(page).toMatch(/^rankflow-results\/verify-[\dTZ-]+\.html$/);
    expect(readFileSync(join(work, page!), 'utf8')).toContain('logCosh.ts');
  });

  it('fails with code 1 for a wrong gradient, after all is written', async () => {
    const { code, stdout } = await rankflow(
      `verify --loss ${losses}/wrongGradient.ts --only flow --json w.json --html w.html`.split(' '),
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/3 of 4 checks pass. Failed: flow\/own-gradient on \w+/);
    const findings: Row[] = json('w.json');
    expect(findings.filter(({ pass }) => !pass).map(({ id }) => id)).toEqual(['flow/own-gradient']);
    expect(readFileSync(join(work, 'w.html'), 'utf8')).toContain('FAIL');
  });
});

it('lists every backend, with reasons', async () => {
  const { stdout } = await done('devices --json');
  const backends: { name: string; available: boolean; reason: string; device: string; preferred: boolean }[] =
    JSON.parse(stdout);
  expect(backends.map(({ name }) => name).sort()).toEqual(['cpu', 'tensorflow', 'wasm', 'webgl', 'webgpu']);
  for (const { name, available, reason, device } of backends)
    expect((available ? device : reason).length, name).toBeGreaterThan(5);
  expect(backends.filter(({ preferred }) => preferred)).toHaveLength(1);
  for (const name of ['cpu', 'wasm'])
    expect(backends.find((backend) => backend.name === name)?.available).toBe(true);
  const { stdout: listed } = await done('devices');
  for (const { name } of backends) expect(listed).toContain(name);
});

describe.concurrent('bad input', () => {
  const bad = join(work, 'bad');
  mkdirSync(join(bad, 'there'), { recursive: true });
  const give = (name: string, content: string | Uint8Array) => writeFileSync(join(bad, name), content);
  give('m.csv', csv(matrix(6, 5, 0)));
  give('square.csv', csv(matrix(5, 5, 0)));
  give('nan.csv', '1,2\n3,NaN\n');
  give('file', 'a regular file');
  const data = Float32Array.from({ length: 12 }, (_, i) => i);
  writeSafetensors(join(bad, 'stack.safetensors'), {
    lora_A: { shape: [3, 2, 2], data },
    lora_B: { shape: [3, 2, 2], data },
  });
  const whole = readFileSync(join(bad, 'stack.safetensors'));
  give('cut.safetensors', whole.subarray(0, -1));
  const length = Buffer.from(whole);
  length.writeBigUInt64LE(10n ** 15n);
  give('length.safetensors', length);
  give('lying.safetensors', Buffer.from(whole.toString('latin1').replace('[3,2,2]', '[3,2,9]'), 'latin1'));
  const common = 'spectrum: power:1\nshape: [6x5]\n';
  give('unknown.yaml', `${common}ranks: [1]\nrankz: 3`);
  give('broken.yaml', 'spectrum: [1, 2\nranks: }');
  give('list.yaml', '- 1');
  give('empty.yaml', `${common}ranks: []`);
  give('nan.yaml', `${common}ranks: [1]\ntime: .nan`);
  give('lines.yaml', 'spectrum: "a\\nb"\nshape: [6x5]\nranks: [1]');
  give('throws.ts', 'export default () => { throw new Error("first line\\nsecond line") };');
  give('number.ts', 'export default () => 3;');
  give('scalar.ts', "export default (w: never, tf: typeof import('@tensorflow/tfjs')) => tf.sum(w);");
  give('syntax.ts', 'export default (w => {');
  const squares = '(w: any, tf: any) => tf.sum(tf.square(w), [1, 2])';
  give('gradient.ts', `export default ${squares}; export const gradient = ${squares};`);
  const before = readdirSync(bad, { recursive: true }).sort();

  const six = 'sweep --spectrum power:1 --shape 6x5 --time 1';
  const one = `${six} --ranks 1`;
  const shaped = 'sweep --shape 6x5 --ranks 1';
  const file = 'sweep --ranks 1 --time 1 --target';
  const simulate = 'simulate --spectrum power:1 --shape 6x5 --time 1';

  /** Command line, and what its one line must say: the field, the value, what is allowed. */
  const cases: [string, ...string[]][] = [
    ['nope', 'nope'],
    ['sweep', 'ranks', 'list'],
    [six, 'ranks', 'list'],
    [`${one} --foo 1`, 'foo'],
    [`${six} --ranks`, 'ranks'],
    [`${six} --ranks -1`, 'ranks', '-1', 'at least 1'],
    [`${six} --ranks 2,0`, 'ranks', '0', 'at least 1'],
    [`${six} --ranks 1.5`, 'ranks', '1.5', 'whole'],
    [`${six} --ranks 1,,2`, 'ranks', '""', 'number'],
    [`${six} --ranks 6`, 'rank', '6', 'min(n, m) = 5'],
    [`${one} --init orthogonal`, 'rank', '1', 'even'],
    [`${one} --init nope`, 'init', 'nope', 'kaiming'],
    [`${one} --init gaussian:0`, 'init', 'gaussian:0', 'from 1e-12 to 1e12'],
    [`${one} --init gaussian:1e39`, 'init', 'gaussian:1e39', 'from 1e-12 to 1e12'],
    [`${shaped} --time 1 --spectrum 0,0`, 'spectrum', 'not all zero'],
    [`${one} --init pissa`, 'init', 'pissa', 'base'],
    [`${one} --init missing.safetensors`, 'missing.safetensors', 'no such file'],
    [`${one} --method nope`, 'method', 'nope', 'dopri5'],
    [`${one} --method rk4`, 'step', 'rk4'],
    [`${one} --method rk4 --step 0.1 --rtol 1e-3`, 'rtol', '0.001', 'left out'],
    [`${one} --method rk4 --step 0.3`, 'time', '1', 'multiple of the step 0.3'],
    [`${one} --method rk4 --step 0.1 --save-times 0.25`, 'saveTimes', '0.25', 'multiple'],
    [`${one} --step 0.1`, 'step', '0.1', 'left out'],
    [`${one} --workers 0`, 'workers', '0', 'at least 1'],
    [`${one} --kernel nope`, 'kernel', 'nope', 'tensor-ops'],
    [`${one} --kernel fused --backend cpu`, 'kernel', 'fused', 'cpu has no fused kernel in float32'],
    [`${one} --kernel tensor-ops --precision float64`, 'precision', 'float64', 'float32'],
    [`${one} --precision float64 --loss gradient.ts`, 'precision', 'float64', 'no fused kernel for'],
    [`${one} --save-times 2`, 'saveTimes', '2', 'at most the end time 1'],
    [`${one} --loss nope`, 'loss', 'nope', 'frobenius'],
    [`${one} --loss throws.ts`, 'loss', 'throws.ts', 'second line'],
    [`${one} --loss number.ts`, 'loss', 'number.ts', '[batch, n, m]'],
    [`${one} --loss scalar.ts`, 'loss', 'scalar.ts', '[batch]'],
    [`${one} --loss syntax.ts`, 'loss', 'syntax.ts'],
    [`${one} --loss trace-squared`, 'shape', '6x5', 'square'],
    [`${one} --loss linear-regression`, 'covariance', 'spectrum'],
    [`${one} --loss linear-regression --covariance square.csv`, 'covariance', 'symmetric'],
    [`${one} --loss linear-regression --covariance m.csv`, 'covariance', '6 x 5', '5 x 5'],
    [`${one} --loss linear-regression --covariance power:x`, 'covariance', 'power:x', 'positive'],
    [`${one} --covariance square.csv`, 'covariance', 'left out'],
    [`${one} --backend nope`, 'backend', 'nope', 'wasm'],
    [`${one} --backend webgl`, 'backend', 'webgl', 'works here'],
    [`${one} --steady 2`, 'steady', '2', 'at most 1'],
    [`${one} --trials 1e12`, 'trials', '1000000000000', 'at most'],
    [`${one} --trials 1e999`, 'trials', 'Infinity', 'number'],
    [`${shaped} --spectrum power:1 --time NaN`, 'time', 'NaN', 'number'],
    [`${one} --alpha 1e999`, 'alpha', 'Infinity', 'number'],
    [`${one} --shape 0x5`, 'shape', '0x5', 'NxM'],
    [`${one} --shape 100000000x100000000`, 'shape', '100000000x100000000', 'at most'],
    [`${one} --shape 65536x65536 --vectors random`, 'vectors', 'random', 'identity'],
    [`${shaped} --time 1 --spectrum 3,-1`, 'spectrum', '-1', 'not negative'],
    [`${shaped} --time 1 --spectrum 1,1e999`, 'spectrum', '[1, Infinity]', 'finite'],
    [`${shaped} --time 1 --spectrum 6,5,4,3,2,1`, 'spectrum', '6 values', 'at most min(n, m) = 5'],
    [`${shaped} --time 1 --spectrum missing.csv`, 'missing.csv', 'no such file'],
    [`${one} --out there`, 'out', 'there', 'not exist yet'],
    [`${one} --out file/below`, 'out', 'file/below', 'can be made'],
    [`${one} --config missing.yaml`, 'config', 'missing.yaml', 'no such file'],
    ['sweep --config unknown.yaml', 'key', 'rankz', 'one of loss'],
    ['sweep --config broken.yaml', 'config', 'broken.yaml', 'YAML'],
    ['sweep --config list.yaml', 'config', 'list.yaml', 'mapping'],
    ['sweep --config empty.yaml', 'ranks', '[]', 'not empty'],
    ['sweep --config nan.yaml', 'time', 'NaN', 'number'],
    ['sweep --config lines.yaml', 'spectrum', 'a b', 'power:P'],
    [`${file} nan.csv`, 'nan.csv', '"NaN" in row 2, column 2', 'finite'],
    [`${file} missing.npy`, 'missing.npy', 'no such file'],
    [`${file} m.csv --shape 5x5`, 'shape', '5x5', '6x5'],
    [`${file} m.csv --base square.csv`, 'base', '5 x 5', '6 x 5'],
    [`${file} cut.safetensors`, 'cut.safetensors', 'well-formed'],
    [`${file} length.safetensors`, 'length.safetensors', '1000000000000000 bytes'],
    [`${file} lying.safetensors`, 'lying.safetensors', 'cannot hold', 'well-formed'],
    [
      'sweep --spectrum 2,1 --shape 2x2 --ranks 2 --init stack.safetensors --trials 4',
      'trials',
      '4',
      'at most 3',
    ],
    [
      'sweep --spectrum 2,1 --shape 2x2 --ranks 1 --init stack.safetensors --trials 3',
      'lora_A',
      '[3,2,2]',
      '[1, 2]',
    ],
    [simulate, 'rank', 'number'],
    [`${simulate} --rank 0`, 'rank', '0', 'at least 1'],
    [`${simulate} --rank 9`, 'rank', '9', 'min(n, m) = 5'],
    [`${simulate} --rank 1 --out file/below`, 'out', 'file/below', 'can be made'],
    [`${simulate} --rank 1 --scale 0`, 'scale', '0', 'more than 0'],
    ['theory --ranks 1', 'shape', 'NxM'],
    ['theory --spectrum power:1 --shape 6x5 --ranks 9', 'rank', '9', 'min(n, m) = 5'],
    ['verify --only nope', 'only', 'nope', 'flow/autodiff'],
    ['verify --only flow,flow/auto', 'only', 'flow/auto'],
    ['verify --size huge', 'size', 'huge', 'small, paper, large'],
    ['verify --seed -1', 'seed', '-1', 'at least 0'],
    ['verify --seed 9007199254740992', 'seed', '9007199254740992'],
    ['verify --seed x', 'seed', 'x', 'number'],
    ['verify --backend nope', 'backend', 'nope', 'all'],
    ['verify --backend webgl', 'backend', 'webgl', 'works here'],
    ['verify --json file/below', 'json', 'file/below', 'can be written'],
    ['verify --html there', 'html', 'there', 'it is a folder'],
    ['verify --json a.out --html ./a.out', 'json', 'a.out', 'another file'],
    ['verify --shape 3x3', 'shape', '3x3', 'left out'],
    ['verify --loss nope.ts', 'loss', 'nope.ts', '.js file'],
    ['verify --loss scalar.ts', 'loss', 'scalar.ts', '[batch]'],
    ['verify --loss gradient.ts', 'loss', 'gradient.ts', '[2,6,5] to [2]'],
    ['verify --loss gradient.ts --base m.csv --shape 5x5', 'shape', '5x5', '6x5'],
    ['devices --foo', 'foo'],
  ];

  const fixture = join(root, 'test/fixtures/commands.js');
  const together = (async () => {
    const lists = JSON.stringify(cases.map(([line]) => line.split(' ')));
    const { stdout, stderr } = await node([fixture, main, lists], bad);
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout) as Ran[];
  })();

  it.each(cases.map((words, i) => [i, ...words] as const))('%i: %s', async (i, line, ...words) => {
    // Every sixth in a process of its own, as a user runs it; all others share one.
    const ran = i % 6 === 5 ? rankflow(line.split(' '), bad) : together.then((runs) => runs[i] as Ran);
    const { code, stdout, stderr } = await ran;
    expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/^rankflow: /);
    for (const word of words) expect(stderr).toContain(word);
  });

  it('an absent backend says how to get it', async () => {
    const { stdout } = await done('devices --json');
    const absent = JSON.parse(stdout).find(({ name }: { name: string }) => name === 'tensorflow');
    if (absent.available) return;
    const { code, stderr } = await rankflow([...one.split(' '), '--backend', 'tensorflow'], bad);
    expect(code).toBe(2);
    expect(stderr).toBe(
      `rankflow: invalid backend: tensorflow; must be a backend that works here (${absent.reason})\n`,
    );
  });

  afterAll(() => expect(readdirSync(bad, { recursive: true }).sort()).toEqual(before));
});
