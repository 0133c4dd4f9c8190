/** Provenance of a result: enough to run it again and to compare it with another machine's. */
import * as tf from '@tensorflow/tfjs';
import { inNode } from './platform.js';
import { release } from './release.js';

/** Program and device that computed a result, and when. */
export interface Origin {
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
}

export interface Provenance extends Origin {
  readonly seed: number;
  readonly config: unknown;
}

type BackendWords = Readonly<Record<'name' | 'device' | 'precision', string>>;

/** Origin of what is computed from now on, on a backend. */
export const origin = (backend: BackendWords): Origin => ({
  rankflow: release.version,
  commit: release.commit(),
  tfjs: tf.version.tfjs,
  runtime: inNode() ? `Node.js ${process.version}` : navigator.userAgent,
  backend: backend.name,
  device: backend.device,
  precision: backend.precision,
  startedAt: new Date().toISOString(),
});

/** Origin of trajectories that are computed from now on, whose precision is that of their kernel. */
export const trajectoryOrigin = (
  backend: BackendWords,
  precision: string,
  paths: readonly string[],
): Origin => ({
  ...origin(precision === 'float64' ? { ...backend, precision } : backend),
  paths: [...new Set(paths)],
});

/** Provenance of a run that starts now. */
export const provenance = (backend: BackendWords, seed: number, config: unknown): Provenance => ({
  ...origin(backend),
  seed,
  config,
});

/** Provenance of a run that starts now and computes trajectories. */
export const runProvenance = (
  backend: BackendWords,
  config: { readonly seed: number; readonly precision: string },
  paths: readonly string[],
): Provenance => ({
  ...trajectoryOrigin(backend, config.precision, paths),
  seed: config.seed,
  config,
});

/** Provenance of runs that are yet to begin, each on a device of its own. */
export const provenanceAhead = (config: {
  readonly backend: string;
  readonly precision: string;
  readonly seed: number;
}): Provenance => {
  const { backend: name, precision, seed } = config;
  return provenance({ name, device: 'that of each run', precision }, seed, config);
};
