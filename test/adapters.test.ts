/** Adapters as PEFT stores them: which module, what scale by adapter_config.json, and what is no plain LoRA. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { useBackend } from '../src/backend/useBackend.js';
import { writeSafetensors } from '../src/files/writeSafetensors.js';
import { readAdapters } from '../src/input/adapters.js';
import { checkConfig } from '../src/input/checkConfig.js';
import { sweepSchema, type SweepInput } from '../src/sweep/config.js';
import { makePlan } from '../src/sweep/plan.js';
import { expectRefusal } from './refusal.js';

const folder = mkdtempSync(join(tmpdir(), 'rankflow-adapters-'));
afterAll(() => rmSync(folder, { recursive: true }));
const said = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
beforeEach(() => said.mockClear());
const lines = () => said.mock.calls.flat().join('\n');

const shape = { n: 4, m: 3 };
const PREFIX = 'base_model.model.';
const tensor = (...sizes: number[]) => ({
  shape: sizes,
  data: Float32Array.from({ length: sizes.reduce((all, n) => all * n, 1) }, (_, i) => i + 1),
});
const factors = (module: string, rank = 2, name = '') => ({
  [`${PREFIX}${module}.lora_A${name}.weight`]: tensor(rank, 3),
  [`${PREFIX}${module}.lora_B${name}.weight`]: tensor(4, rank),
});

let made = 0;
/** A folder with tensors as adapter_model.safetensors, and a config, as text or as an object, unless it is null. */
function adapter(
  tensors: Parameters<typeof writeSafetensors>[1],
  config: object | string | null = null,
): string {
  const path = join(folder, `adapter-${made++}`);
  mkdirSync(path);
  writeSafetensors(join(path, 'adapter_model.safetensors'), tensors);
  if (config !== null)
    writeFileSync(
      join(path, 'adapter_config.json'),
      typeof config === 'string' ? config : JSON.stringify(config),
    );
  return path;
}

const LORA = { peft_type: 'LORA', r: 2, lora_alpha: 32 };
const q = 'model.layers.1.self_attn.q_proj';

describe('the module of an adapter', () => {
  it.each<[string, Record<string, ReturnType<typeof tensor>>]>([
    ["PEFT's", factors(q)],
    ["an adapter's name in them", factors(q, 2, '.default')],
    ['nothing else', { lora_A: tensor(2, 3), lora_B: tensor(4, 2) }],
    ['no prefix', { 'q.lora_A': tensor(2, 3), 'q.lora_B': tensor(4, 2) }],
  ])('is found with keys that have %s', (_, tensors) => {
    const { adapters, scale } = readAdapters(adapter(tensors), shape, 2);
    expect([...adapters[0]!.loraA.data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...adapters[0]!.loraB.data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(scale).toBe(null);
  });

  const several = () => adapter({ ...factors(q), ...factors('model.layers.11.self_attn.q_proj', 1) });

  it.each([q, `${PREFIX}${q}`, '1.self_attn.q_proj', `${q}.weight`])(
    'is one of several by its name or the end of it, %s',
    (name) => {
      const path = several();
      expect(readAdapters(`${path}#${name}`, shape, 2).adapters[0]!.loraA.rows).toBe(2);
      expect(readAdapters(`${path}/adapter_model.safetensors#${name}`, shape, 2).adapters.length).toBe(1);
    },
  );

  it('has to be told of several, and to be there', () => {
    const path = several();
    expectRefusal(() => readAdapters(path, shape, 2), /2 modules with lora_A .*one of: model\.layers\.1\./);
    expectRefusal(
      () => readAdapters(`${path}#q_proj`, shape, 2),
      /2 modules .* named q_proj; must be .*#NAME/,
    );
    expectRefusal(
      () => readAdapters(`${path}#v_proj`, shape, 2),
      /0 modules .* named v_proj; .*one of: model/,
    );
  });

  it('has one adapter, with both factors', () => {
    const two = adapter({ ...factors(q, 2, '.first'), ...factors(q, 2, '.second') });
    expectRefusal(
      () => readAdapters(two, shape, 2),
      /two lora_A of .*one of .*lora_A\.first\.weight, .*lora_A\.second\.weight/,
    );
    expectRefusal(() => readAdapters(adapter({ lora_A: tensor(2, 3) }), shape, 2), /lora_A alone/);
  });

  it('may be a convolution, whose factors are flattened, and that is said', () => {
    const path = adapter({ 'c.lora_A.weight': tensor(2, 3, 1, 2), 'c.lora_B.weight': tensor(4, 2, 1, 1) });
    const [first] = readAdapters(path, { n: 4, m: 6 }, 2).adapters;
    expect([first!.loraA.rows, first!.loraA.cols, first!.loraB.cols]).toEqual([2, 6, 2]);
    expect(lines()).toMatch(/lora_A \[2, 3, 1, 2\] is flattened to \[2, 6\]/);
  });
});

describe('the scale of an adapter', () => {
  const scaleOf = (config: object, module = q) =>
    readAdapters(`${adapter({ ...factors(q), ...factors('a.q_projx') }, config)}#${module}`, shape, 2).scale;

  // What PEFT 0.17 gives for these configs: get_pattern_key, then update_layer.
  it.each<[string, object, number, string]>([
    ['alpha / r', LORA, 16, 'lora'],
    ['alpha / sqrt(r)', { ...LORA, use_rslora: true }, 32 / Math.SQRT2, 'rslora'],
    ['no method named', { r: 2, lora_alpha: 5 }, 2.5, 'lora'],
    ['the default alpha', { r: 2 }, 4, 'lora'],
    ['a pattern for the end of the name', { ...LORA, alpha_pattern: { q_proj: 3 } }, 1.5, 'lora'],
    ['a pattern for all of it', { ...LORA, alpha_pattern: { [`^${q}`]: 3 } }, 1.5, 'lora'],
    ['a regular expression', { ...LORA, alpha_pattern: { 'layers\\.[12]\\..*q_proj': 3 } }, 1.5, 'lora'],
    [
      'the first of two patterns',
      { ...LORA, alpha_pattern: { 'self_attn.q_proj': 3, q_proj: 7 } },
      1.5,
      'lora',
    ],
    ['a pattern for part of a word', { ...LORA, alpha_pattern: { proj: 3, 'layers.1': 9 } }, 16, 'lora'],
    ['a rank pattern', { ...LORA, r: 8, rank_pattern: { q_proj: 2 } }, 16, 'lora'],
    ['empty patterns', { ...LORA, rank_pattern: {}, alpha_pattern: null }, 16, 'lora'],
  ])('is that of its config, by %s', (_, config, expected, scaling) => {
    const scale = scaleOf(config)!;
    expect(scale.scaling).toBe(scaling);
    expect(scale.alpha / (scaling === 'lora' ? scale.rank : Math.sqrt(scale.rank))).toBeCloseTo(expected, 12);
  });

  const plan = async (path: string, over: SweepInput | object = {}) => {
    await useBackend('cpu');
    const config = { spectrum: [1, 0.5], shape: ['4x3'], ranks: [2], trials: 1, init: [path], ...over };
    return (await makePlan(checkConfig(sweepSchema, config))).cells.map(({ coefficients, scaling }) => [
      coefficients.scale,
      scaling,
    ]);
  };

  it('goes into the plan, and is said', async () => {
    expect(await plan(adapter(factors(q), LORA))).toEqual([[16, 'lora']]);
    expect(lines()).toMatch(/s = 16, of its adapter_config\.json/);
    expect(await plan(`${adapter(factors(q), LORA)}/adapter_model.safetensors`)).toEqual([[16, 'lora']]);
    expect(await plan(adapter(factors(q), { ...LORA, use_rslora: true }))).toEqual([
      [32 / Math.SQRT2, 'rslora'],
    ]);
  });

  it('is what is asked for, and a difference is said', async () => {
    expect(await plan(adapter(factors(q), LORA), { alpha: 2 })).toEqual([[2, 'none']]);
    expect(lines()).toMatch(/s = 2, as asked for; its adapter_config\.json says 16/);
    expect(await plan(adapter(factors(q), LORA), { scaling: ['lora', 'none'], alpha: 32 })).toEqual([
      [16, 'lora'],
      [32, 'none'],
    ]);
  });

  it('is 1 without a config, and that is said too', async () => {
    expect(await plan(adapter(factors(q)))).toEqual([[1, 'none']]);
    expect(lines()).toMatch(/s = 1: there is no adapter_config\.json beside it/);
  });

  it('leaves that of other starts as it is', async () => {
    expect(await plan('gaussian', { init: ['gaussian', adapter(factors(q), LORA)] })).toEqual([
      [1, 'none'],
      [16, 'lora'],
    ]);
  });

  it('needs the rank that its config says', () => {
    expectRefusal(() => scaleOf({ ...LORA, r: 4 }), /rank 2, and 4 by adapter_config\.json/);
  });
});

describe('what is no plain LoRA is refused by name', () => {
  it.each<[string, object, RegExp]>([
    ['DoRA', { use_dora: true }, /use_dora: true \(DoRA\)/],
    ['a variant to come', { use_qalora: true }, /use_qalora: true/],
    ['saved modules', { modules_to_save: ['classifier'] }, /modules_to_save: \["classifier"\]/],
    ['biases', { bias: 'lora_only' }, /bias: "lora_only"/],
    ['a bias of B', { lora_bias: true }, /lora_bias: true/],
    ['LoHa', { peft_type: 'LOHA' }, /peft_type: "LOHA"/],
    ['IA3', { peft_type: 'IA3' }, /peft_type: "IA3"/],
    ['AdaLoRA', { peft_type: 'ADALORA' }, /peft_type: "ADALORA"/],
    ['trained tokens', { trainable_token_indices: [1] }, /trainable_token_indices: \[1\]/],
    ['copied layers', { layer_replication: [[0, 2]] }, /layer_replication/],
    ['an alpha that is text', { lora_alpha: '32' }, /lora_alpha: "32"; must be as PEFT writes it/],
    ['a rank of zero', { rank_pattern: { q_proj: 0 } }, /rank_pattern\.q_proj: 0/],
    ['a pattern that is none', { alpha_pattern: { '(': 1 } }, /the pattern \(; must be a regular expression/],
  ])('by its config: %s', (_, over, reason) => {
    expectRefusal(() => readAdapters(adapter(factors(q), { ...LORA, ...over }), shape, 2), reason);
  });

  it.each<[string, string, RegExp]>([
    ['broken JSON', '{"r": 2,}', /must be a JSON object, without comments or trailing commas/],
    ['a list', '[]', /JSON that is no object/],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\n', /Git LFS pointer/],
    ['nothing', '', /an empty file/],
  ])('by a config that is %s', (_, text, reason) => {
    expectRefusal(() => readAdapters(adapter(factors(q), text), shape, 2), reason);
  });

  it.each<[string, Record<string, ReturnType<typeof tensor>>, RegExp]>([
    ['DoRA', { ...factors(q), [`${PREFIX}${q}.lora_magnitude_vector`]: tensor(4) }, /: DoRA \(/],
    [
      'DoRA of today',
      { ...factors(q), [`${PREFIX}${q}.lora_magnitude_vector.weight`]: tensor(4) },
      /: DoRA \(/,
    ],
    ['AdaLoRA', { ...factors(q), [`${PREFIX}${q}.lora_E`]: tensor(2, 1) }, /: AdaLoRA \(/],
    ['a bias', { ...factors(q), [`${PREFIX}${q}.lora_B.bias`]: tensor(4) }, /: LoRA with a bias \(/],
    ['LoHa', { [`${PREFIX}${q}.hada_w1_a`]: tensor(4, 2) }, /: LoHa \(/],
    ['LoKr', { [`${PREFIX}${q}.lokr_w1`]: tensor(4, 2) }, /: LoKr \(/],
    ['IA3', { [`${PREFIX}${q}.ia3_l`]: tensor(4, 1) }, /: IA3 \(/],
    [
      'an embedding',
      { 'e.lora_embedding_A': tensor(2, 3), 'e.lora_embedding_B': tensor(4, 2) },
      /an embedding's LoRA \(e\.lora_embedding_A\)/,
    ],
    ['kohya', { 'l.lora_down.weight': tensor(2, 3), 'l.lora_up.weight': tensor(4, 2) }, /kohya keys/],
    [
      'ZeRO-3',
      { 'l.lora_A.weight': tensor(0), 'l.lora_B.weight': tensor(0) },
      /lora_A of shape \[0\].*ZeRO-3/,
    ],
  ])('by its keys: %s', (_, tensors, reason) => {
    expectRefusal(() => readAdapters(adapter(tensors), shape, 2), reason);
  });

  it('but not by those of other modules', () => {
    const tensors = {
      ...factors(q),
      'e.lora_embedding_A': tensor(2, 3),
      'm.lora_magnitude_vector': tensor(4),
    };
    expect(readAdapters(adapter(tensors), shape, 2).adapters.length).toBe(1);
  });
});

it.each(['pissa', 'pissa_niter_16', 'olora', 'corda', 'loftq', 'lora_ga'])(
  'a start that changed the base, %s, is said',
  (init) => {
    readAdapters(adapter(factors(q), { ...LORA, init_lora_weights: init }), shape, 2);
    expect(lines()).toMatch(`init_lora_weights ${init}: the adapter is relative to a base that PEFT changed`);
  },
);

it('weights that are stored [in, out] are said', () => {
  readAdapters(adapter(factors(q), { ...LORA, fan_in_fan_out: true }), shape, 2);
  expect(lines()).toMatch(/fan_in_fan_out: .* --transpose/);
});

it('a folder is preferred to hold the adapter where it holds a model too', () => {
  const path = adapter(factors(q), LORA);
  copyFileSync(join(path, 'adapter_model.safetensors'), join(path, 'model.safetensors'));
  writeSafetensors(join(path, 'model.safetensors'), { w: tensor(4, 3) });
  expect(readAdapters(path, shape, 2).adapters.length).toBe(1);
});
