/**
 * Arithmetic of a results folder: what computes its parts, as far as their last digits depend on it. It is pinned when
 * the first run starts: another one would give other bytes, and is refused.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { fusedVariants, type FusedVariant } from '../../kernels/wasm/variants.js';
import { backendNames, type BackendInfo } from '../backend/backend.js';
import { temporaryName } from '../files/writeWhole.js';
import { InputError } from '../host/inputError.js';
import type { ExecutionConfig } from '../input/fields.js';
import type { Way } from '../solver/path.js';
import { paths } from '../solver/paths.js';

const schema = z.strictObject({
  backend: z.enum(backendNames),
  /** Variant of the fused kernel where it computes, such as native-avx2, else of the backend on this device. */
  variant: z.string(),
  /** Paths by which trajectories are computed, sorted; none where there are none. */
  paths: z.array(z.enum(paths)),
  precision: z.enum(['float32', 'float64', 'reduced']),
});

export type Arithmetic = Readonly<z.output<typeof schema>>;

/** Arithmetic of a run on a backend. */
export const arithmeticOf = (
  {
    name,
    variant,
    fusedVariant,
    precision,
  }: Pick<BackendInfo, 'name' | 'variant' | 'fusedVariant' | 'precision'>,
  config: Pick<ExecutionConfig, 'precision'>,
  ways: readonly Way[],
): Arithmetic => ({
  backend: name,
  variant: ways.some(({ path }) => path === 'fused') && fusedVariant ? fusedVariant : variant,
  paths: [...new Set(ways.map(({ path }) => path))].sort(),
  precision: config.precision === 'float64' ? 'float64' : precision,
});

/** Text that arithmetic is kept as: the same for the same arithmetic. */
export const arithmeticText = ({ backend, variant, paths, precision }: Arithmetic): string =>
  JSON.stringify({ backend, variant, paths, precision });

/** Reads the text that arithmetic is kept as; null if it is none. */
export function parseArithmetic(text: string | undefined): Arithmetic | null {
  try {
    return schema.parse(JSON.parse(text ?? ''));
  } catch {
    return null;
  }
}

/** "wasm (SIMD), fused, float32" */
export const wordsOf = ({ backend, variant, paths, precision }: Arithmetic): string =>
  [`${backend} (${variant})`, paths.join(' and '), precision].filter(Boolean).join(', ');

const FILE = 'arithmetic.json';

/** Reads what a folder is pinned to; null if no run has started, or the file is lost. */
export function pinnedIn(folder: string): Arithmetic | null {
  try {
    return parseArithmetic(readFileSync(join(folder, FILE), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Pins a folder, unless it is; of runs that start together the first one does.
 * @throws InputError that names what differs, if it is pinned to something else
 */
export function pin(folder: string, arithmetic: Arithmetic): void {
  if (!pinnedIn(folder)) {
    const temporary = temporaryName(join(folder, FILE));
    writeFileSync(temporary, `${arithmeticText(arithmetic)}\n`, { flush: true });
    try {
      linkSync(temporary, join(folder, FILE));
    } catch (error) {
      // Not all file systems have links.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') renameSync(temporary, join(folder, FILE));
    } finally {
      rmSync(temporary, { force: true });
    }
  }
  const pinned = pinnedIn(folder);
  if (!pinned) throw new InputError('folder', folder, `one whose ${FILE} says what computes it, or has none`);
  refuseOther(folder, arithmetic, pinned);
}

/** @throws InputError that names the first thing that differs, and what gives it back */
export function refuseOther(folder: string, arithmetic: Arithmetic, pinned: Arithmetic): void {
  const refuse = (field: string, value: string, right: string, remedy: string) => {
    throw new InputError(field, value, `${right}, as what is done in ${folder} (${remedy})`);
  };
  if (arithmetic.backend !== pinned.backend)
    refuse('backend', arithmetic.backend, pinned.backend, `--backend ${pinned.backend}`);
  if (arithmetic.precision !== pinned.precision)
    refuse('precision', arithmetic.precision, pinned.precision, 'with the flags that it was begun with');
  if (arithmetic.paths.join() !== pinned.paths.join())
    refuse(
      'kernel',
      arithmetic.paths.join(' and '),
      pinned.paths.join(' and '),
      pinned.paths.length === 1 ? `--kernel ${pinned.paths[0]}` : '--kernel auto, on a device like the first',
    );
  if (arithmetic.variant === pinned.variant) return;
  if (fusedVariantIn(arithmetic) && fusedVariantIn(pinned))
    refuse('fusedKernel', arithmetic.variant, pinned.variant, `--fused-kernel ${pinned.variant}`);
  refuse(
    'backend',
    `${arithmetic.backend} (${arithmetic.variant})`,
    `${pinned.backend} (${pinned.variant})`,
    'on a device like the first',
  );
}

/** The implementation of the fused kernel in an arithmetic; undefined if that names none. */
export const fusedVariantIn = ({ variant }: Arithmetic): FusedVariant | undefined =>
  fusedVariants.find((each) => each === variant);

/** A config in which the backend and the fused kernel that it leaves open are those that a folder is pinned to. */
export function asPinned<C extends Pick<ExecutionConfig, 'backend' | 'fusedKernel'>>(
  config: C,
  pinned: Arithmetic | null,
): C {
  const { backend, fusedKernel } = config;
  if (!pinned || (backend !== 'auto' && backend !== pinned.backend)) return config;
  const variant = fusedKernel === 'auto' ? fusedVariantIn(pinned) : undefined;
  return { ...config, backend: pinned.backend, fusedKernel: variant ?? fusedKernel };
}
