/**
 * A sweep, or advice, on a Kubernetes cluster: the manifest of an Indexed Job whose pods compute one shard each, in a
 * folder of a volume that they share. A pod may be stopped and started again at any time: it does what its shard still lacks.
 */
import { posix } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { InputError } from '../host/inputError.js';
import type { ShardCalls } from './calls.js';

/** Flags of a Kubernetes job. */
export const kubernetesSchema = z.strictObject({
  shards: z.int().min(1).max(10_000).describe('shards, each an index of the job'),
  throttle: z.int().min(1).optional().describe('most shards that run at a time (default: all)'),
  image: z
    .string()
    .regex(/^[^\s]+$/, 'the name of a container image')
    .describe('container image that has rankflow'),
  claim: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/, 'the name of a PersistentVolumeClaim')
    .describe('PersistentVolumeClaim that the pods share (ReadWriteMany if they are on several nodes)'),
  mount: z
    .string()
    .regex(/^\/[^:]*[^:/]$/, 'an absolute path such as /results')
    .default('/results')
    .describe('path at which the pods have the claim'),
  gpus: z.int().min(0).default(1).describe('NVIDIA GPUs of each shard'),
  backoffLimitPerIndex: z.int().min(0).default(3).describe('how often a shard that fails is started again'),
});

export type KubernetesConfig = z.output<typeof kubernetesSchema>;

export interface KubernetesJob extends KubernetesConfig {
  /** Results folder: an absolute path inside the pods, below `mount`. */
  readonly folder: string;
  readonly calls: ShardCalls;
  /** Words that start rankflow in the image, for example ['rankflow']. */
  readonly command: readonly string[];
}

/**
 * The manifest, as YAML.
 * @throws InputError if the folder is not below `mount`
 */
export function kubernetesManifest(job: KubernetesJob): string {
  refuseUnmounted(job, 'folder', job.folder);
  // API servers read YAML 1.1, where yes, on and 1:30 are no text.
  return `${comment(job)}${stringify(manifest(job), { version: '1.1' })}`;
}

/** @throws InputError if a path is not below the mount */
export function refuseUnmounted(
  { mount }: Pick<KubernetesConfig, 'mount'>,
  field: string,
  path: string,
): void {
  if (!posix.normalize(path).startsWith(`${mount}/`))
    throw new InputError(field, path, `a path below ${mount}, where the claim is mounted`);
}

const comment = ({ command, calls }: KubernetesJob): string => `\
# Checked against the schema of the Kubernetes API (batch/v1), but not run on a cluster. It needs Kubernetes 1.29.
# When the job is complete, in a pod with the same volume: ${JSON.stringify([...command, ...calls.merge])}
`;

function manifest({
  command,
  folder,
  calls,
  shards,
  throttle,
  image,
  claim,
  mount,
  gpus,
  backoffLimitPerIndex,
}: KubernetesJob) {
  const volume = 'results';
  const container = {
    name: 'rankflow',
    image,
    command: [...command, ...calls.shard].map(literal),
    env: [
      { name: 'RANKFLOW_SHARDS', value: String(shards) },
      // Vulkan is among the capabilities that NVIDIA's driver gives a container only when it is asked to.
      ...(gpus === 0 ? [] : [{ name: 'NVIDIA_DRIVER_CAPABILITIES', value: 'all' }]),
    ],
    ...(gpus === 0 ? {} : { resources: { limits: { 'nvidia.com/gpu': String(gpus) } } }),
    volumeMounts: [{ name: volume, mountPath: mount }],
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: jobName(folder) },
    spec: {
      completionMode: 'Indexed',
      completions: shards,
      parallelism: Math.min(throttle ?? shards, shards),
      backoffLimitPerIndex,
      podFailurePolicy: {
        rules: [
          // What Kubernetes preempts or evicts did not fail.
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          // Refused as a mistake, which no restart mends.
          {
            action: 'FailIndex',
            onExitCodes: { containerName: container.name, operator: 'In', values: [2] },
          },
        ],
      },
      template: {
        spec: {
          restartPolicy: 'Never',
          containers: [container],
          volumes: [{ name: volume, persistentVolumeClaim: { claimName: claim } }],
        },
      },
    },
  };
}

/** Kubernetes puts variables in place of $(NAME) in commands; a doubled dollar sign keeps it. */
const literal = (word: string): string => word.replaceAll('$(', '$$$$(');

/** Names of pods end in the index and are host names, of at most 63 characters. */
const jobName = (folder: string): string =>
  `rankflow-${posix.basename(folder)}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 57)
    .replace(/-$/, '');
