/** What PEFT's adapter_config.json says of an adapter, and refusals of what is not a plain LoRA. */
import { z } from 'zod';
import { besideOf } from '../files/checkpoint.js';
import { isThere } from '../files/disk.js';
import { readJson } from '../files/json.js';
import { say } from '../files/say.js';
import { InputError } from '../host/inputError.js';
import type { Scaling } from '../ensemble/scaling.js';

/** The scale of a module's adapter, s = alpha / r or alpha / sqrt(r). */
export interface AdapterScale {
  readonly scaling: Scaling;
  readonly alpha: number;
  readonly rank: number;
}

const positive = z.number().positive();
const patterns = (of: z.ZodType<number>) => z.record(z.string(), of).nullish();
/** The keys that matter, with PEFT's defaults; others are passed over, but for those that name another method. */
const schema = z.looseObject({
  peft_type: z.string().default('LORA'),
  r: z.int().positive().default(8),
  lora_alpha: positive.default(8),
  rank_pattern: patterns(z.int().positive()),
  alpha_pattern: patterns(positive),
  use_rslora: z.boolean().nullish(),
  fan_in_fan_out: z.boolean().nullish(),
  bias: z.string().nullish(),
  init_lora_weights: z.union([z.boolean(), z.string()]).nullish(),
  modules_to_save: z.array(z.string()).nullish(),
});

type AdapterConfig = z.output<typeof schema>;

/** Starts of PEFT that change the base too; the others leave it as it is. */
const CHANGED_BASE = /^(pissa|olora|corda|loftq|lora_ga)/i;
const PLAIN = 'a plain LoRA: only B A is simulated';

/**
 * What the adapter_config.json beside an adapter file says of a module; null if there is none.
 * @throws InputError, naming the key, if it is not read or not of a plain LoRA
 */
export function adapterScale(file: string, module: string): AdapterScale | null {
  const path = besideOf(file, 'adapter_config.json');
  if (!isThere(path)) return null;
  const config = checkedConfig(path);
  refuseOthers(path, config);
  if (typeof config.init_lora_weights === 'string' && CHANGED_BASE.test(config.init_lora_weights))
    say(
      `${path}: init_lora_weights ${config.init_lora_weights}: the adapter is relative to a base that PEFT changed, which --base must be`,
    );
  if (config.fan_in_fan_out)
    say(`${path}: fan_in_fan_out: the weights of the base are stored [in, out], to be read with --transpose`);
  const { rank_pattern: ranks, alpha_pattern: alphas } = config;
  const rank = matched(path, ranks, module) ?? config.r;
  const alpha = matched(path, alphas, module) ?? config.lora_alpha;
  return { scaling: config.use_rslora ? 'rslora' : 'lora', alpha, rank };
}

/** The start by which PEFT changed the base that an adapter is relative to, by its adapter_config.json; else null. */
export function startThatChangedBase(file: string): string | null {
  const path = besideOf(file, 'adapter_config.json');
  const start = isThere(path) ? checkedConfig(path).init_lora_weights : null;
  return typeof start === 'string' && CHANGED_BASE.test(start) ? start : null;
}

function checkedConfig(path: string): AdapterConfig {
  const input = readJson(path);
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const { path: keys, message } = result.error.issues[0]!;
  const value = keys.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)[key], input);
  throw new InputError(
    path,
    `${keys.map(String).join('.')}: ${JSON.stringify(value)}`,
    `as PEFT writes it (${message})`,
  );
}

function refuseOthers(path: string, config: AdapterConfig): void {
  const refuse = (key: string) => {
    const value = JSON.stringify(config[key]);
    throw new InputError(path, `${key}: ${value}${key === 'use_dora' ? ' (DoRA)' : ''}`, PLAIN);
  };
  if (config.peft_type.toUpperCase() !== 'LORA') refuse('peft_type');
  for (const [key, value] of Object.entries(config)) {
    if (/^use_(?!rslora$)|^lora_bias$/.test(key) && value === true) refuse(key);
    const lists = ['modules_to_save', 'trainable_token_indices', 'target_parameters', 'layer_replication'];
    const held = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
    if (lists.includes(key) && held) refuse(key);
  }
  if (config.bias && config.bias !== 'none') refuse('bias');
}

/**
 * The value of the first pattern that a module's name matches, as PEFT does: the whole name, or its end after a dot.
 */
function matched(
  path: string,
  values: Readonly<Record<string, number>> | null | undefined,
  module: string,
): number | undefined {
  return Object.entries(values ?? {}).find(([key]) => {
    try {
      return new RegExp(`^(?:.*\\.)?(?:${key})$`).test(module);
    } catch {
      throw new InputError(path, `the pattern ${key}`, 'a regular expression');
    }
  })?.[1];
}
