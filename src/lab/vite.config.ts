/** Builds the lab as a static folder, dist-lab, that works from any path; the core is bundled from its sources. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';
import { installed } from '../host/installed.js';
import { packageRoot } from '../host/packageRoot.js';

const outDir = join(packageRoot, 'dist-lab');

/** Files that are fetched from beside the scripts: the kernels' modules, and those of TensorFlow.js's wasm backend. */
const wasmFiles = [
  ...['float32', 'float64'].flatMap((precision) =>
    ['fused', 'plain'].map((variant) => `dist/kernels/wasm/${precision}-${variant}.wasm`),
  ),
  'dist/kernels/wasm/observe.wasm',
  ...['', '-simd'].map(
    (kind) => `node_modules/@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm${kind}.wasm`,
  ),
];

const besideScripts = (files: readonly string[]): Plugin => ({
  name: 'beside-scripts',
  writeBundle() {
    mkdirSync(join(outDir, 'assets'), { recursive: true });
    for (const file of files) copyFileSync(join(packageRoot, file), join(outDir, 'assets', basename(file)));
  },
});

/** Modules that only Node.js loads, by dynamic imports that a browser never comes to. */
const external = [/^node:/, 'jiti', 'piscina', 'webgpu'];

export default defineConfig({
  base: './',
  define: {
    RANKFLOW_RELEASE: JSON.stringify({ version: installed.version, commit: installed.commit() }),
  },
  resolve: {
    alias: Object.fromEntries(
      ['csv-parse', 'csv-stringify'].map((name) => [`${name}/sync`, `${name}/browser/esm/sync`]),
    ),
  },
  plugins: [besideScripts(wasmFiles)],
  worker: { format: 'es', rolldownOptions: { external } },
  build: { outDir, emptyOutDir: true, target: 'es2022', rolldownOptions: { external } },
});
