/**
 * Compiles the wasm kernel (kernels/wasm/assembly) to dist/kernels/wasm: one module for each precision, with and
 * without fused multiply-add, and one that observes. Run by `npm run build`; another folder may be given. The module
 * of src/numbers, which must be there without waiting, becomes a source that holds its bytes:
 * src/numbers/loopsModule.ts.
 */
import asc from 'assemblyscript/asc';
import { createJiti } from 'jiti';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = new URL('..', import.meta.url);
const source = new URL('kernels/wasm/assembly/', root);
const [, , folder = fileURLToPath(new URL('dist/kernels/wasm', root))] = process.argv;
const target = pathToFileURL(`${folder}/`);

/** The memory is TensorFlow.js's. */
const memory = ['--importMemory', '--noExportMemory', '--initialMemory', '1'];

/** Compiles the kernel. */
async function compile(generated, fused) {
  const binary = await assembled('advance.ts', generated, [
    ...memory,
    ...(fused ? ['--enable', 'relaxed-simd'] : []),
  ]);
  refuseData(binary);
  return binary;
}

/** The module of an entry source, of whose imports some are written by machine (kernels/wasm/generators). */
async function assembled(entry, generated, options) {
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
          return generated[name] ?? readFileSync(new URL(name, source), 'utf8');
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

const { import: load } = createJiti(import.meta.url);
const { rowsText } = await load('../kernels/wasm/generators/rows.ts');
const numbers = await assembled('numbers.ts', { 'generated/rows.ts': rowsText() }, [
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

// After src/numbers is complete: the generators import it.
const { generatedSources } = await createJiti(import.meta.url).import(
  '../kernels/wasm/generators/sources.ts',
);
mkdirSync(target, { recursive: true });
const observer = await assembled('observe.ts', {}, memory);
refuseData(observer);
writeFileSync(fileURLToPath(new URL('observe.wasm', target)), observer);
for (const precision of ['float32', 'float64'])
  for (const fused of [false, true]) {
    const name = `${precision}-${fused ? 'fused' : 'plain'}.wasm`;
    const binary = await compile(generatedSources(precision, fused), fused);
    writeFileSync(fileURLToPath(new URL(name, target)), binary);
  }
