/** An adapter as PEFT loads it: adapter_config.json and adapter_model.safetensors. */
import { safetensorsBytes, type WrittenTensor } from '../files/writeSafetensors.js';
import type { AdviseConfig } from './config.js';
import type { Factors } from './factors.js';

/** A name as a regular expression that matches it alone, after whatever PEFT puts before it. */
const exactly = (module: string): string => `^${module.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)}$`;

/**
 * The files of an adapter with ranks of its own for each module. PEFT takes a module's rank and alpha from the first
 * pattern that matches: both are there for each, and alpha is the rank, so that W = W0 + B A.
 * @param base path of the checkpoint that it belongs to
 */
export function adapterFiles(
  base: string,
  factors: readonly Factors[],
  names: AdviseConfig['names'],
): Record<'adapter_config.json' | 'adapter_model.safetensors', string | Uint8Array> {
  const moduleOf = ({ weight }: Factors) =>
    (names === 'base' ? weight.name : weight.tunedName).replace(/\.weight$/, '');
  const ranks = Object.fromEntries(factors.map((each) => [exactly(moduleOf(each)), each.rank]));
  const most = Math.max(...factors.map(({ rank }) => rank));
  const config = {
    peft_type: 'LORA',
    task_type: null,
    base_model_name_or_path: base,
    inference_mode: true,
    r: most,
    lora_alpha: most,
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: factors.some(({ weight }) => weight.layout === 'conv1d'),
    init_lora_weights: true,
    use_rslora: false,
    use_dora: false,
    modules_to_save: null,
    target_modules: factors.map(moduleOf),
    rank_pattern: ranks,
    alpha_pattern: ranks,
  };
  const tensors = factors.flatMap((each): [string, WrittenTensor][] => {
    const { rank, weight, loraA, loraB } = each;
    const isConvolution = weight.layout === 'conv2d';
    const key = (part: 'A' | 'B') => `base_model.model.${moduleOf(each)}.lora_${part}.weight`;
    return [
      [key('A'), { ...loraA, shape: [rank, ...(isConvolution ? weight.shape.slice(1) : [weight.cols])] }],
      [key('B'), { ...loraB, shape: [weight.rows, rank, ...(isConvolution ? [1, 1] : [])] }],
    ];
  });
  return {
    'adapter_config.json': `${JSON.stringify(config, null, 2)}\n`,
    'adapter_model.safetensors': safetensorsBytes(Object.fromEntries(tensors), { format: 'pt' }),
  };
}
