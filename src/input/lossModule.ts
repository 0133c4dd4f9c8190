/** Custom losses from TypeScript and JavaScript modules. Node.js only. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor3D } from '@tensorflow/tfjs';
import { createJiti } from 'jiti';
import { withFile } from '../files/disk.js';
import { refuseForeign } from '../files/foreign.js';
import { InputError } from '../host/inputError.js';
import { lossNames } from '../problem/losses.js';
import type { TensorLoss } from '../problem/structure.js';

/** What a module says of its loss. */
export interface LossModule {
  /** The default export, (w [batch, n, m], tf) -> [batch]. */
  readonly tensor: TensorLoss;
  /** The export `gradient`, (w [batch, n, m], tf) -> [batch, n, m]: derived by hand, for verification alone. */
  readonly gradient: ((w: Tensor3D) => Tensor3D) | null;
  /** The export `float64`, the loss of one W [n, m], row-major, on the host: for verification alone. */
  readonly float64: ((w: Float64Array, n: number, m: number) => number) | null;
  /** The export `float64Gradient`, the gradient of the same, row-major. */
  readonly float64Gradient: ((w: Float64Array, n: number, m: number) => Float64Array) | null;
}

/**
 * Reads a TypeScript or JavaScript module that exports a loss.
 * @throws InputError if there is no such file, it does not load, or what it exports is no function
 */
export async function readLossModule(file: string): Promise<LossModule> {
  if (!existsSync(file)) throw new InputError('loss', file, 'a .ts or .js file');
  withFile(file, refuseForeign);
  const load = createJiti(import.meta.url).import<Readonly<Record<string, unknown>>>(resolve(file));
  const loaded = await load.catch((error: unknown) => {
    throw new InputError('loss', file, `a module that loads (${error})`);
  });
  const exported = <F>(name: string): F | undefined => {
    const f = loaded[name];
    if (f === undefined || typeof f === 'function') return f as F | undefined;
    throw new InputError('loss', file, `a module whose ${name} export is a function`);
  };
  const tensor = exported<(w: Tensor3D, library: typeof tf) => Tensor1D>('default');
  if (!tensor) throw new InputError('loss', file, 'a module whose default export is a function');
  const gradient = exported<(w: Tensor3D, library: typeof tf) => Tensor3D>('gradient');
  const float64 = exported<NonNullable<LossModule['float64']>>('float64');
  const float64Gradient = exported<NonNullable<LossModule['float64Gradient']>>('float64Gradient');
  if (float64Gradient && !float64)
    throw new InputError('loss', file, 'a module that exports float64 beside float64Gradient');
  return {
    tensor: (w) => tensor(w, tf),
    gradient: gradient ? (w) => gradient(w, tf) : null,
    float64: float64 ?? null,
    float64Gradient: float64Gradient ?? null,
  };
}

/**
 * The loss that a module exports by default.
 * @throws InputError as readLossModule
 */
export async function readLoss(file: string): Promise<TensorLoss> {
  if (!existsSync(file))
    throw new InputError('loss', file, `one of ${lossNames.join(', ')}, or a .ts or .js file`);
  return (await readLossModule(file)).tensor;
}
