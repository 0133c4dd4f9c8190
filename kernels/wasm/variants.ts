/** The implementations of the fused kernel on TensorFlow.js's wasm backend, which differ in last digits, by name. */
import { loadAddon, vectorBytes, type Addon, type NativeName } from '../native/addon.js';
import { loadModules, type Modules } from './module.js';

const natives = Object.keys(vectorBytes) as NativeName[];

/** Their names, the fastest first: native code by its vectors; WebAssembly with fused multiply-add, and without. */
export const fusedVariants = [
  'native-avx512',
  'native-avx2',
  'native-neon',
  'wasm-relaxed-simd',
  'wasm-simd',
] as const;
export type FusedVariant = (typeof fusedVariants)[number];

/** Choices of one: the fastest that runs here, of all, of native code or of WebAssembly; or by its name. */
export const fusedChoices = ['auto', 'native', 'wasm', ...fusedVariants] as const;
export type FusedChoice = (typeof fusedChoices)[number];

/** Whether a variant is what a choice allows. */
export const isChosen = (variant: FusedVariant, choice: FusedChoice): boolean =>
  choice === 'auto' || variant === choice || variant.startsWith(`${choice}-`);

/** Code of a variant. */
export type FusedCode = NativeCode | { readonly modules: Modules };

export interface NativeCode {
  readonly native: NativeName;
  readonly addon: Addon;
}

/** Loads a variant; returns why it does not run here, if it does not. */
export async function loadVariant(variant: FusedVariant): Promise<FusedCode | string> {
  const native = natives.find((name) => variant === `native-${name}`);
  if (native) {
    const addon = loadAddon();
    if (typeof addon === 'string') return addon;
    return addon.variants.includes(native) ? { native, addon } : `this processor has no ${native}`;
  }
  const modules = await loadModules(variant === 'wasm-relaxed-simd' ? 'fused' : 'plain');
  return modules ? { modules } : 'this engine has no such SIMD';
}

/** The variants that run here, the fastest first. */
export async function variantsHere(): Promise<FusedVariant[]> {
  const loaded = await Promise.all(
    fusedVariants.map(async (variant) => [variant, await loadVariant(variant)] as const),
  );
  return loaded.filter(([, code]) => typeof code !== 'string').map(([variant]) => variant);
}
