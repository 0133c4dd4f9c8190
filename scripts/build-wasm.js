/**
 * Compiles the wasm kernel (kernels/wasm/assembly) to dist/kernels/wasm: one module for each precision, with and
 * without fused multiply-add. Run by `npm run build`; another folder may be given. The module of src/numbers, which
 * must be there without waiting, becomes a source that holds its bytes: src/numbers/loopsModule.ts.
 */
import asc from 'assemblyscript/asc';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { unrolled } from './unroll.js';

const root = new URL('..', import.meta.url);
const source = new URL('kernels/wasm/assembly/', root);
const [, , folder = fileURLToPath(new URL('dist/kernels/wasm', root))] = process.argv;
const target = pathToFileURL(`${folder}/`);

/** AssemblyScript's name of the real numbers, and how many of them a vector holds. */
const precisions = { float32: { real: 'f32', lanes: 4 }, float64: { real: 'f64', lanes: 2 } };

const replaced = (text, from, to) => {
  if (!text.includes(from)) throw new Error(`real.ts lacks the line ${from}`);
  return text.replace(from, to);
};

async function compile({ real, lanes }, fused) {
  const written = { 'unrolled.ts': unrolled(lanes) };
  const read = (name) => written[name] ?? readFileSync(new URL(name, source), 'utf8');
  written['real.ts'] = replaced(
    replaced(read('real.ts'), 'type Real = f32;', `type Real = ${real};`),
    'FUSED: bool = false;',
    `FUSED: bool = ${fused};`,
  );
  const binary = await assembled('advance.ts', read, [
    ...['--importMemory', '--noExportMemory', '--initialMemory', '1'],
    ...(fused ? ['--enable', 'relaxed-simd'] : []),
  ]);
  refuseData(binary);
  return binary;
}

/** The module of an entry source, whose imports `read` gives. */
async function assembled(entry, read, options) {
  let binary;
  const { error, stderr } = await asc.main(
    [
      entry,
      ...['--outFile', 'out.wasm', '-O3', '--runtime', 'stub', '--use', 'abort=', '--enable', 'simd'],
      ...options,
    ],
    {
      readFile(name) {
        try {
          return read(name);
        } catch {
          return null;
        }
      },
      writeFile: (_name, contents) => {
        binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
  return binary;
}

/** The module shares TensorFlow.js's memory, which data of its own would overwrite. */
function refuseData(binary) {
  const DATA = 11;
  let at = 8;
  const leb = () => {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = binary[at++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
      shift += 7;
    }
  };
  while (at < binary.length) {
    const section = binary[at++];
    const length = leb();
    if (section === DATA) throw new Error('the wasm kernel has static data');
    at += length;
  }
}

mkdirSync(target, { recursive: true });
for (const [precision, real] of Object.entries(precisions))
  for (const fused of [false, true]) {
    const name = `${precision}-${fused ? 'fused' : 'plain'}.wasm`;
    writeFileSync(fileURLToPath(new URL(name, target)), await compile(real, fused));
  }

const numbers = await assembled('numbers.ts', (name) => readFileSync(new URL(name, source), 'utf8'), [
  '--importMemory',
  '--noExportMemory',
]);
writeFileSync(
  new URL('src/numbers/loopsModule.ts', root),
  `/** The bytes of kernels/wasm/assembly/numbers.ts in base64. Written by scripts/build-wasm.js. */
export const loopsModule =
  '${Buffer.from(numbers).toString('base64')}';
`,
);
