/** The Conv1D layers of GPT-2 and its kin, whose weights are stored [in, out], as the transpose of a linear layer's. */
import { besideOf, type Checkpoint } from './checkpoint.js';
import { isThere } from './disk.js';
import { readJson } from './json.js';

const MODELS = ['gpt2', 'openai-gpt', 'imagegpt', 'decision_transformer'];
const LAYERS = /(^|\.)(c_attn|q_attn|c_proj|c_fc)\.weight$/;

/**
 * Tests whether a tensor is the weight of a Conv1D layer, by its name and the config.json beside the checkpoint.
 * @throws InputError if that is no JSON
 */
export function isConv1D(file: Checkpoint, name: string): boolean {
  if (!LAYERS.test(name)) return false;
  const path = besideOf(file.path, 'config.json');
  return isThere(path) && MODELS.includes(String(readJson(path)['model_type']));
}
