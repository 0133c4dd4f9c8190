/** Pairs of checkpoints that no advice can be given on, and what the one line must say of each. */
import { readFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { safetensorsBytes as headed } from '../files/support.js';
import { checkpoint, random, tensor, work } from './support.js';

const shape = [8, 6];
const name = 'layers.0.q_proj.weight';
const weights = (seed: number) => ({ [name]: tensor(shape, random(shape, seed)) });

/** A folder of files. */
function folder(path: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  const at = join(work, path);
  mkdirSync(at, { recursive: true });
  for (const [file, content] of Object.entries(files)) writeFileSync(join(at, file), content);
  return at;
}

/** An adapter folder with these tensors and keys of its config beside those of a plain LoRA of rank 2. */
function adapter(
  path: string,
  tensors: Parameters<typeof checkpoint>[1],
  config: object | null = {},
): string {
  const at = checkpoint(path, tensors, undefined, 'adapter_model.safetensors');
  if (config)
    writeFileSync(
      join(at, 'adapter_config.json'),
      JSON.stringify({ peft_type: 'LORA', r: 2, lora_alpha: 2, ...config }),
    );
  return at;
}

const key = (part: 'A' | 'B', module = 'layers.0.q_proj') => `base_model.model.${module}.lora_${part}.weight`;
const factors = (module?: string, cols = 6) => ({
  [key('A', module)]: tensor([2, cols], random([2, cols], 1)),
  [key('B', module)]: tensor([8, 2], random([8, 2], 2)),
});

const good = () => checkpoint('good', weights(1));
const tuned = () => checkpoint('good-tuned', weights(2));
const whole = () => readFileSync(join(tuned(), 'model.safetensors'));
const index = (map: object) => JSON.stringify({ weight_map: map });
const header = (dtype: string, size: readonly number[], bytes: number) =>
  headed({ [name]: { dtype, shape: size, data_offsets: [0, bytes] } }, bytes);

function withEntry(value: number): string {
  const data = random(shape, 3);
  data[7] = value;
  return checkpoint(`entry-${value}`, { [name]: tensor(shape, data) });
}

/** What is wrong, BASE and TUNED, and what the line must say. */
export const broken: readonly (readonly [string, () => readonly [string, string], RegExp])[] = [
  ['BASE is not there', () => [join(work, 'nowhere'), tuned()], /nowhere.*must be a file that can be opened/],
  ['TUNED is an empty folder', () => [good(), folder('empty', {})], /a folder without \.safetensors files/],
  [
    'TUNED is a pickle',
    () => [good(), folder('pickle', { 'pytorch_model.bin': Buffer.from('80027d7100', 'hex') })],
    /pytorch_model\.bin.*convert the checkpoint/,
  ],
  ['TUNED is a GGUF', () => [good(), folder('gguf', { 'model.gguf': 'GGUF' })], /model\.gguf.*convert/],
  [
    'TUNED is a Git LFS pointer',
    () => [good(), folder('lfs', { 'model.safetensors': 'version https://git-lfs.github.com/spec/v1\noid' })],
    /Git LFS pointer.*git lfs pull/,
  ],
  [
    'TUNED was cut off',
    () => [good(), folder('cut', { 'model.safetensors': whole().subarray(0, -10) })],
    /data_offsets reach/,
  ],
  [
    'TUNED lies about its shape',
    () => [good(), folder('lying', { 'model.safetensors': header('F32', [8, 7], 192) })],
    /192 bytes cannot hold F32 \[8, 7\]/,
  ],
  [
    'a shard is not there',
    () => [
      good(),
      folder('no-shard', { 'model.safetensors.index.json': index({ [name]: 'model-1.safetensors' }) }),
    ],
    /model-1\.safetensors: not there/,
  ],
  [
    'the index names the wrong shard',
    () => [
      good(),
      folder('wrong-shard', {
        'model.safetensors.index.json': index({ 'layers.9.weight': 'a.safetensors' }),
        'a.safetensors': whole(),
      }),
    ],
    /no tensor layers\.9\.weight/,
  ],
  [
    'a folder has several checkpoints',
    () => [good(), folder('several', { 'a.safetensors': whole(), 'b.safetensors': whole() })],
    /2 checkpoints; must be one of: a\.safetensors, b\.safetensors/,
  ],
  ['an entry is NaN', () => [good(), withEntry(NaN)], /1 of 48 entries NaN, infinite.*layers\.0\.q_proj/],
  ['an entry of BASE is infinite', () => [withEntry(Infinity), tuned()], /1 of 48 entries NaN, infinite/],
  [
    'weights are packed integers',
    () => [good(), folder('packed', { 'model.safetensors': header('I32', shape, 192) })],
    /no weight of a Linear layer.*I32, no floating-point/,
  ],
  [
    '8-bit weights have no scale',
    () => [good(), folder('scaleless', { 'model.safetensors': header('F8_E4M3', shape, 48) })],
    /F8_E4M3 with no scale beside it/,
  ],
  [
    'TUNED has the placeholders of DeepSpeed',
    () => [good(), folder('zero3', { 'model.safetensors': header('F32', [0], 0) })],
    /no weight of a Linear layer.*\[0\] in TUNED, \[8, 6\] in BASE/,
  ],
  [
    'TUNED is another model',
    () => [good(), checkpoint('other', { 'x.weight': tensor([3, 3], random([3, 3], 5)) })],
    /no weight of a Linear layer.*not in TUNED/,
  ],
  [
    'TUNED has other sizes',
    () => [good(), checkpoint('larger', { [name]: tensor([9, 6], random([9, 6], 5)) })],
    /\[9, 6\] in TUNED, \[8, 6\] in BASE/,
  ],
  [
    'nothing changed',
    () => [good(), good()],
    /1 weights?, each entry as in BASE; must be .* training changed/,
  ],
  [
    'BASE is an adapter',
    () => [adapter('as-base', factors()), tuned()],
    /an adapter; must be .*BASE comes first/,
  ],
  [
    'the adapter is DoRA',
    () => [good(), adapter('dora', factors(), { use_dora: true })],
    /use_dora: true \(DoRA\)/,
  ],
  [
    'the adapter is AdaLoRA by its keys',
    () => [good(), adapter('adalora', { ...factors(), 'base_model.model.x.lora_E': tensor([2, 1], [1, 2]) })],
    /AdaLoRA/,
  ],
  [
    'the adapter has whole modules',
    () => [good(), adapter('saved', factors(), { modules_to_save: ['score'] })],
    /modules_to_save/,
  ],
  [
    'the adapter is relative to another base',
    () => [good(), adapter('pissa', factors(), { init_lora_weights: 'pissa_niter_4' })],
    /init_lora_weights pissa_niter_4; must be relative to BASE/,
  ],
  ['the adapter has no config', () => [good(), adapter('bare', factors(), null)], /no adapter_config\.json/],
  [
    'the adapter is of another model',
    () => [good(), adapter('elsewhere', factors('blocks.3.fc'))],
    /no weight of a Linear layer.*blocks\.3\.fc\.weight: not in BASE/,
  ],
  [
    'the adapter has other sizes',
    () => [good(), adapter('sized', factors(undefined, 7))],
    /lora_A of shape \[2,7\]; must be of shape \[2, 6\]/,
  ],
  [
    'the adapter has another rank than its config',
    () => [good(), adapter('ranked', factors(), { r: 4 })],
    /rank 2, and 4 by adapter_config\.json/,
  ],
  [
    'the adapter lacks a factor',
    () => [good(), adapter('half', { [key('A')]: tensor([2, 6], random([2, 6], 1)) })],
    /lora_A\.weight alone/,
  ],
  [
    'the adapter is all zero',
    () => [good(), adapter('zero', { ...factors(), [key('B')]: tensor([8, 2], new Float64Array(16)) })],
    /each entry as in BASE/,
  ],
  [
    'the config of BASE is no JSON',
    () =>
      [checkpoint('no-json', weights(1)), tuned()].map((path, i) =>
        i === 0 ? folder('no-json', { 'config.json': '{' }) : path,
      ) as [string, string],
    /config\.json.*must be a JSON object/,
  ],
  [
    'the cache has no snapshot',
    () => [good(), folder('models--a--b', { snapshots: '' })],
    /0 snapshots; must be downloaded/,
  ],
];
