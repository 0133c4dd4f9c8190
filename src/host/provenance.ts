/** Provenance of a result: enough to run it again and to compare it with another machine's. */
import * as tf from '@tensorflow/tfjs';
import { inNode } from './platform.js';
import { release } from './release.js';

export interface Provenance {
  readonly rankflow: string;
  /**
   * Commit of the checkout it ran from, with `-dirty` if files differ from it; outside a checkout the one that its
   * package was made from, if the package says so, else null.
   */
  readonly commit: string | null;
  readonly tfjs: string;
  /** Node.js and its version, or what a browser says of itself. */
  readonly runtime: string;
  readonly backend: string;
  readonly device: string;
  /**
   * Precision that trajectories are computed in; what is derived from their states is float64, but for custom losses.
   */
  readonly precision: string;
  /** Paths by which trajectories were computed: fused kernels, tensor operations. */
  readonly paths?: readonly string[];
  readonly startedAt: string;
  readonly seed: number;
  readonly config: unknown;
}

/** The provenance of a run that starts now. */
export const provenance = (
  backend: Readonly<Record<'name' | 'device' | 'precision', string>>,
  seed: number,
  config: unknown,
): Provenance => ({
  rankflow: release.version,
  commit: release.commit(),
  tfjs: tf.version.tfjs,
  runtime: inNode() ? `Node.js ${process.version}` : navigator.userAgent,
  backend: backend.name,
  device: backend.device,
  precision: backend.precision,
  startedAt: new Date().toISOString(),
  seed,
  config,
});

/** Provenance of trajectories, whose precision is that of their kernel. */
export const runProvenance = (
  backend: Readonly<Record<'name' | 'device' | 'precision', string>>,
  config: { readonly seed: number; readonly precision: string },
  paths: readonly string[],
): Provenance => ({
  ...provenance(
    config.precision === 'float64' ? { ...backend, precision: 'float64' } : backend,
    config.seed,
    config,
  ),
  paths: [...new Set(paths)],
});
