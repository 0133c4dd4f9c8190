/**
 * What advice on a large pair of checkpoints costs: makes bfloat16 checkpoints of so many layers of a 7B model's seven
 * weights (4096 x 4096, 11008 x 4096, 4096 x 11008), each layer a shard beside an index, and measures `rankflow advise`
 * on them: wall and CPU time, and peak memory.
 *
 *   npm run build && node scripts/measure-advise.js [--layers 32] [--divide 1] [--weights 7] [--shard I/N]
 *
 * --divide makes all sides so many times smaller (32 layers whole are 26 GB in two files each); --weights takes the first
 * of a layer alone. The difference is of rank 16, of singular values as 1/k, before it is rounded.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, closeSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    layers: { type: 'string', default: '1' },
    divide: { type: 'string', default: '1' },
    weights: { type: 'string', default: '7' },
    shard: { type: 'string' },
  },
});
const [layers, divide, weights] = [values.layers, values.divide, values.weights].map(Number);
const [wide, narrow] = [11008 / divide, 4096 / divide];
const shapes = [
  ...['q', 'k', 'v', 'o'].map((name) => [`self_attn.${name}_proj`, narrow, narrow]),
  ...[
    ['mlp.gate_proj', wide, narrow],
    ['mlp.up_proj', wide, narrow],
    ['mlp.down_proj', narrow, wide],
  ],
].slice(0, weights);

/** Numbers in [-1, 1), the same in every run. */
function* numbers(seed) {
  for (let state = seed + 1; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 31 - 1;
  }
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Nearest bfloat16, ties to even. */
function half(value) {
  float[0] = value;
  return (bits[0] + 0x7fff + ((bits[0] >>> 16) & 1)) >>> 16;
}

const RANK = 16;

/** Rows of a weight before and after, as bfloat16. */
function* rowsOf(rows, cols, seed) {
  const random = numbers(seed);
  const next = () => random.next().value;
  const right = Array.from({ length: RANK }, () => Float64Array.from({ length: cols }, next));
  const scale = 6 / Math.sqrt(rows * cols);
  for (let row = 0; row < rows; row++) {
    const left = Array.from({ length: RANK }, (_, k) => (scale * next()) / (k + 1));
    const [before, after] = [new Uint16Array(cols), new Uint16Array(cols)];
    for (let col = 0; col < cols; col++) {
      const value = 0.02 * next();
      let change = 0;
      for (let k = 0; k < RANK; k++) change += left[k] * right[k][col];
      before[col] = half(value);
      after[col] = half(value + change);
    }
    yield [before, after];
  }
}

/** Writes a layer as a shard of both checkpoints, and returns the names of its tensors. */
function writeLayer(folders, shard, layer) {
  let at = 0;
  const header = Object.fromEntries(
    shapes.map(([name, rows, cols]) => {
      const begin = at;
      at += 2 * rows * cols;
      return [
        `model.layers.${layer}.${name}.weight`,
        { dtype: 'BF16', shape: [rows, cols], data_offsets: [begin, at] },
      ];
    }),
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const files = folders.map((folder) => openSync(join(folder, shard), 'w'));
  for (const file of files) writeSync(file, Buffer.concat([length, text]));
  shapes.forEach(([, rows, cols], i) => {
    for (const sides of rowsOf(rows, cols, 7 * layer + i))
      sides.forEach((row, side) => writeSync(files[side], new Uint8Array(row.buffer)));
  });
  files.forEach((file) => closeSync(file));
  return Object.keys(header);
}

/** Runs rankflow, and returns what it took. */
function measured(args) {
  const main = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
  const report = `process.on('exit', () => console.error('took', JSON.stringify(process.resourceUsage())))`;
  const hook = `data:text/javascript,${encodeURIComponent(report)}`;
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', hook, main, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (data) => (said += data));
    child.on('close', (code) => {
      if (code !== 0) return reject(new Error(said));
      const usage = JSON.parse(/^took (.*)$/m.exec(said)[1]);
      resolve({
        wall: (performance.now() - began) / 1000,
        cpu: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
        peak: usage.maxRSS / 1024,
      });
    });
  });
}

const work = mkdtempSync(join(tmpdir(), 'rankflow-measure-'));
try {
  const folders = ['base', 'tuned'].map((name) => join(work, name));
  for (const folder of folders) mkdirSync(folder);
  const map = {};
  for (let layer = 0; layer < layers; layer++) {
    const shard = `model-${String(layer + 1).padStart(5, '0')}-of-${String(layers).padStart(5, '0')}.safetensors`;
    for (const name of writeLayer(folders, shard, layer)) map[name] = shard;
  }
  for (const folder of folders)
    writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
  const shard = values.shard === undefined ? [] : ['--shard', values.shard];
  const { wall, cpu, peak } = await measured(['advise', ...folders, '--out', join(work, 'out'), ...shard]);
  console.log(
    `${layers} layers of ${shapes.map(([, rows, cols]) => `${rows}x${cols}`).join(', ')}: ` +
      `${wall.toFixed(1)} s, ${cpu.toFixed(1)} s of CPU time, peak ${peak.toFixed(0)} MiB (${cpus()[0].model}, Node.js ${process.version})`,
  );
} finally {
  rmSync(work, { recursive: true });
}
