/** Jobs of clusters: texts of batch scripts, their submission to a stand-in of sbatch, and the Kubernetes manifest. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kubernetesManifest, kubernetesSchema, type KubernetesJob } from '../src/cluster/kubernetes.js';
import { arrayScript, mergeScript, slurmSchema, submitSlurm, type SlurmJob } from '../src/cluster/slurm.js';
import { sweepCalls } from '../src/cluster/calls.js';
import { InputError } from '../src/host/inputError.js';
import { checkConfig } from '../src/input/checkConfig.js';

const work = mkdtempSync(join(tmpdir(), 'rankflow-cluster-'));
afterAll(() => rmSync(work, { recursive: true }));

/** Awkward everywhere: for shells, for directives of Slurm, and for YAML. */
const awkward = `it's "a" 100%A # $(x) & é`;

const slurmJob = (options: object, places: Partial<SlurmJob> = {}): SlurmJob => ({
  ...checkConfig(slurmSchema, options),
  ...{ folder: '/results/sweep', command: ['node', '/app/main.js'], cwd: '/home/me' },
  calls: sweepCalls(places.folder ?? '/results/sweep'),
  ...places,
});

const directives = (script: string) =>
  script
    .split('\n')
    .filter((line) => line.startsWith('#SBATCH '))
    .map((line) => line.slice('#SBATCH '.length));

describe('batch scripts', () => {
  it('have the defaults', () => {
    const job = slurmJob({ shards: 8 });
    expect(directives(arrayScript(job))).toEqual([
      '--job-name=rankflow',
      '--chdir="/home/me"',
      '--output="/results/sweep/slurm/%A_%a.log"',
      '--open-mode=append',
      '--array=0-7',
      '--gres=gpu:1',
      '--requeue',
      '--signal=B:USR1@60',
    ]);
    expect(arrayScript(job)).toContain(
      "\n'node' '/app/main.js' 'sweep' '--resume' '/results/sweep' '--shard' 'auto' &\n",
    );
    expect(arrayScript(job)).toContain('[ "$restarts" -ge 3 ]');
    expect(directives(mergeScript(job))).toEqual([
      '--job-name=rankflow-merge',
      '--chdir="/home/me"',
      '--output="/results/sweep/slurm/merge_%j.log"',
      '--open-mode=append',
    ]);
    expect(mergeScript(job)).toContain("\nexec 'node' '/app/main.js' 'sweep' 'merge' '/results/sweep'\n");
  });

  it('have every option', () => {
    const options = {
      throttle: 2,
      gres: 'gpu:h100:1',
      partition: 'long,gpu',
      timeLimit: '1-12:00',
      cpusPerTask: 4,
    };
    const job = slurmJob({ shards: 3, ...options, maxRestarts: 0 });
    expect(directives(arrayScript(job))).toEqual(
      expect.arrayContaining([
        ...['--array=0-2%2', '--gres=gpu:h100:1', '--partition=long,gpu', '--time=1-12:00'],
        '--cpus-per-task=4',
      ]),
    );
    expect(arrayScript(job)).toContain('[ "$restarts" -ge 0 ]');
    const merge = directives(mergeScript(job));
    expect(merge).toEqual(expect.arrayContaining(['--partition=long,gpu', '--time=1-12:00']));
    expect(merge.join()).not.toMatch(/gres|array|cpus/);
    expect(arrayScript(slurmJob({ shards: 1, gres: '' }))).not.toContain('gres');
  });

  it('quote every word for the shell, and paths for Slurm', () => {
    const command = [process.execPath, '-p', 'JSON.stringify(process.argv.slice(1))', '--'];
    const script = mergeScript(
      slurmJob({ shards: 1 }, { folder: `/r/${awkward}`, cwd: `/${awkward}`, command }),
    );
    expect(JSON.parse(execFileSync('bash', { input: script, encoding: 'utf8' }))).toEqual([
      ...['sweep', 'merge', `/r/${awkward}`],
    ]);
    expect(directives(script)).toContain(String.raw`--chdir="/it's \"a\" 100%A # $(x) & é"`);
    expect(directives(script)).toContain(
      String.raw`--output="/r/it's \"a\" 100%%A # $(x) & é/slurm/merge_%j.log"`,
    );
  });

  it.each([
    [{}, 'shards'],
    [{ shards: 0 }, 'shards'],
    [{ shards: 10_001 }, 'shards'],
    [{ shards: 1.5 }, 'shards'],
    [{ shards: 2, throttle: 0 }, 'throttle'],
    [{ shards: 2, gres: 'gpu:1 --exclusive' }, 'gres'],
    [{ shards: 2, partition: '' }, 'partition'],
    [{ shards: 2, partition: 'a\n#SBATCH -x' }, 'partition'],
    [{ shards: 2, timeLimit: 'an hour' }, 'timeLimit'],
    [{ shards: 2, timeLimit: '1-2-3' }, 'timeLimit'],
    [{ shards: 2, cpusPerTask: 0 }, 'cpusPerTask'],
    [{ shards: 2, maxRestarts: -1 }, 'maxRestarts'],
    [{ shards: 2, nodes: 2 }, 'key'],
  ])('refuse %j', (options, field) => {
    expect(() => checkConfig(slurmSchema, options)).toThrow(
      expect.objectContaining({ name: 'InputError', field }),
    );
  });

  it.each(['90', '90:30', '12:00:00', '2-12', '2-12:30', '2-12:30:00'])('take the time %s', (time) => {
    expect(directives(arrayScript(slurmJob({ shards: 1, timeLimit: time })))).toContain(`--time=${time}`);
  });

  it.each(['folder', 'cwd'])('refuse a %s that directives cannot hold', (field) => {
    for (const bad of ['/a\\b', '/a\nb'])
      expect(() => arrayScript(slurmJob({ shards: 1 }, { [field]: bad }))).toThrow(InputError);
  });
});

/** How the shell of an array's task ends where rankflow is this command, and what it said to scontrol. */
function ended(rankflow: string, env: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(work, 'task-'));
  const scontrol = join(folder, 'scontrol');
  writeFileSync(scontrol, `#!/bin/bash\necho "$*" > '${folder}/said'\n`);
  chmodSync(scontrol, 0o755);
  const script = arrayScript(slurmJob({ shards: 8 }, { command: ['bash', '-c', rankflow, '-'], folder }));
  let status = 0;
  try {
    execFileSync('bash', {
      input: script,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: {
        ...{ PATH: `${folder}:${process.env['PATH']}`, SLURM_ARRAY_JOB_ID: '12', SLURM_ARRAY_TASK_ID: '7' },
        ...{ SLURM_JOB_ID: '12', ...env },
      },
    });
  } catch (error) {
    status = (error as { status: number }).status;
  }
  const said = join(folder, 'said');
  return { status, said: existsSync(said) ? readFileSync(said, 'utf8').trim() : null };
}

describe('a task of the array', () => {
  const requeue = 'requeue 12_7';
  /** Tells the shell, which has to be waiting by then, of the time limit; hears TERM, and ends a moment after. */
  const limited =
    "trap 'sleep 0.1; exit 143' TERM; sleep 0.2; kill -USR1 $PPID; for i in {1..50}; do sleep 0.1; done";

  it.each([
    ['done', 'exit 0', {}, { status: 0, said: null }],
    ['failed', 'exit 1', {}, { status: 1, said: requeue }],
    ['killed', 'kill -KILL $$', {}, { status: 137, said: requeue }],
    ['failed once more', 'exit 1', { SLURM_RESTART_COUNT: '2' }, { status: 1, said: requeue }],
    ['failed for good', 'exit 1', { SLURM_RESTART_COUNT: '3' }, { status: 1, said: null }],
    ['refused', 'exit 2', {}, { status: 2, said: null }],
    ['at its time limit', limited, {}, { status: 143, said: requeue }],
    ['cancelled', 'sleep 0.2; kill -TERM $PPID; sleep 0.2; exit 143', {}, { status: 143, said: null }],
    ['cancelled before its shell', 'exit 143', {}, { status: 143, said: null }],
    [
      'cancelled, and failed by that',
      'sleep 0.2; kill -TERM $PPID; sleep 0.2; exit 1',
      {},
      { status: 1, said: null },
    ],
  ])('%s', (_, rankflow, env, end) => expect(ended(rankflow, env)).toEqual(end));
});

describe('submission', () => {
  const before = process.env['PATH'];
  let [bin, folder] = ['', ''];
  beforeEach(() => {
    bin = mkdtempSync(join(work, 'bin-'));
    folder = join(mkdtempSync(join(work, 'sweep-')), awkward);
    mkdirSync(folder);
    process.env['PATH'] = `${bin}:${before}`;
  });
  afterEach(() => {
    process.env['PATH'] = before;
  });

  /** An sbatch that writes down its arguments, one on a line, and then does as told. */
  function sbatch(does: string) {
    writeFileSync(join(bin, 'sbatch'), `#!/bin/bash\nprintf '%s\\n' "$@" >> '${bin}/said'\n${does}\n`);
    chmodSync(join(bin, 'sbatch'), 0o755);
  }
  const said = () => readFileSync(join(bin, 'said'), 'utf8').trim().split('\n');
  const submit = () => submitSlurm(slurmJob({ shards: 4 }, { folder }));

  it('is of the array first, then of the merge that waits for it', () => {
    sbatch(`[ $# = 2 ] && echo '71;here' || echo 72`);
    expect(submit()).toEqual({ arrayIds: ['71'], mergeId: '72' });
    expect(said()).toEqual([
      ...['--parsable', `${folder}/slurm/array.sh`],
      ...['--parsable', '--dependency=afterok:71', '--kill-on-invalid-dep=yes', `${folder}/slurm/merge.sh`],
    ]);
    expect(readFileSync(`${folder}/slurm/array.sh`, 'utf8')).toContain('--array=0-3');
    expect(readFileSync(`${folder}/slurm/merge.sh`, 'utf8')).toContain('merge');
  });

  it('is of several arrays where one may not have all shards', () => {
    sbatch(`wc -l < '${bin}/said'`);
    writeFileSync(join(bin, 'scontrol'), "#!/bin/bash\necho 'MaxArraySize            = 3'\n");
    chmodSync(join(bin, 'scontrol'), 0o755);
    const { arrayIds, mergeId } = submitSlurm(slurmJob({ shards: 7 }, { folder }));
    expect(said()).toEqual([
      ...[1, 2, 3].flatMap((k) => ['--parsable', `${folder}/slurm/array-${k}.sh`]),
      ...['--parsable', `--dependency=afterok:${arrayIds.join(':')}`, '--kill-on-invalid-dep=yes'],
      `${folder}/slurm/merge.sh`,
    ]);
    expect([...arrayIds, mergeId]).toEqual(['2', '4', '6', '10']);
    const text = [1, 2, 3].map((k) => readFileSync(`${folder}/slurm/array-${k}.sh`, 'utf8'));
    expect(text.map((script) => /--array=(\S+)/.exec(script)?.[1])).toEqual(['0-2', '0-2', '0-0']);
    expect(text.map((script) => /^export (.*)$/m.exec(script)?.[1])).toEqual(
      [0, 3, 6].map((first) => `RANKFLOW_SHARDS=7 RANKFLOW_SHARD_OFFSET=${first}`),
    );
  });

  it('is of arrays that follow one another if few shards may run at a time', () => {
    sbatch(`wc -l < '${bin}/said'`);
    submitSlurm(slurmJob({ shards: 5, throttle: 2 }, { folder }), 3);
    expect(said()).toContain('--dependency=afterany:2');
    expect(said()).toContain('--dependency=afterok:2:5');
  });

  it('says what Slurm refused', () => {
    sbatch(`echo 'sbatch: error: invalid partition specified: x' >&2; exit 1`);
    expect(submit).toThrow(/^sbatch refused .*array\.sh: sbatch: error: invalid partition specified: x$/);
    expect(said()).toHaveLength(2);
  });

  it('says what is submitted when the merge is refused', () => {
    sbatch(`[ $# = 2 ] && echo 71 || { echo 'no dependency' >&2; exit 1; }`);
    expect(submit).toThrow(/^array job 71 is submitted, but not the rest: sbatch refused .*: no dependency$/);
  });

  it('takes no answer without a job', () => {
    sbatch('echo queued');
    expect(submit).toThrow(/^sbatch refused .*: queued$/);
  });

  it('says that there is no sbatch', () => {
    process.env['PATH'] = bin;
    expect(submit).toThrow('sbatch is not found: is Slurm on this machine?');
  });
});

describe('the Kubernetes manifest', () => {
  const job = (options: object = {}, places: Partial<KubernetesJob> = {}): KubernetesJob => ({
    ...checkConfig(kubernetesSchema, {
      shards: 8,
      image: 'registry.example/rankflow:1',
      claim: 'sweeps',
      ...options,
    }),
    ...{ folder: '/results/sweep', command: ['rankflow'] },
    calls: sweepCalls(places.folder ?? '/results/sweep'),
    ...places,
  });
  const fixture = join(import.meta.dirname, 'fixtures/kubernetes-job.schema.json');
  const schema = z.fromJSONSchema(JSON.parse(readFileSync(fixture, 'utf8')));
  const read = (text: string) => parse(text, { version: '1.1' });

  it('is an Indexed Job of one pod for each shard', () => {
    expect(read(kubernetesManifest(job({ throttle: 3 })))).toEqual({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'rankflow-sweep' },
      spec: {
        completionMode: 'Indexed',
        completions: 8,
        parallelism: 3,
        backoffLimitPerIndex: 3,
        podFailurePolicy: {
          rules: [
            { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
            { action: 'FailIndex', onExitCodes: { containerName: 'rankflow', operator: 'In', values: [2] } },
          ],
        },
        template: {
          spec: {
            restartPolicy: 'Never',
            containers: [
              {
                name: 'rankflow',
                image: 'registry.example/rankflow:1',
                command: ['rankflow', 'sweep', '--resume', '/results/sweep', '--shard', 'auto'],
                env: [
                  { name: 'RANKFLOW_SHARDS', value: '8' },
                  { name: 'NVIDIA_DRIVER_CAPABILITIES', value: 'all' },
                ],
                resources: { limits: { 'nvidia.com/gpu': '1' } },
                volumeMounts: [{ name: 'results', mountPath: '/results' }],
              },
            ],
            volumes: [{ name: 'results', persistentVolumeClaim: { claimName: 'sweeps' } }],
          },
        },
      },
    });
  });

  it.each([
    ['by default', job()],
    ['without GPUs', job({ gpus: 0 })],
    [
      'with everything',
      job({ throttle: 2, gpus: 4, backoffLimitPerIndex: 0, mount: '/data' }, { folder: '/data/x' }),
    ],
    ['with an awkward folder', job({}, { folder: `/results/${awkward}` })],
  ])('is valid %s', (_, options) => {
    const manifest = read(kubernetesManifest(options));
    expect(schema.parse(manifest)).toEqual(manifest);
  });

  it.each([
    ['completions', 'completion'],
    ['name: RANKFLOW_SHARDS', 'key: RANKFLOW_SHARDS'],
    ['completions: 8', 'completions: "8"'],
    ['claimName: sweeps', 'claimName: 1'],
    ['batch/v1', 'batch/v2'],
  ])('would not be valid with a fault (%s)', (right, wrong) => {
    expect(schema.safeParse(read(kubernetesManifest(job()).replaceAll(right, wrong))).success).toBe(false);
  });

  it('keeps awkward names', () => {
    const folder = `/results/${awkward}`;
    const { metadata, spec } = read(kubernetesManifest(job({}, { folder })));
    expect(metadata.name).toBe('rankflow-it-s-a-100-a-x');
    // Kubernetes reads $$( as $(.
    expect(spec.template.spec.containers[0].command[3].replaceAll('$$(', '$(')).toBe(folder);
    const long = read(kubernetesManifest(job({}, { folder: `/results/${'ab-'.repeat(40)}` })));
    expect(long.metadata.name).toMatch(/^[a-z0-9-]{50,57}[a-z0-9]$/);
  });

  it('says what it rests on, and how to merge', () => {
    const head = kubernetesManifest(job()).split('apiVersion')[0];
    expect(head).toMatch(/^# Checked against the schema .* not run on a cluster/);
    expect(head).toContain('["rankflow","sweep","merge","/results/sweep"]');
  });

  it.each([
    [{ shards: 0 }, 'shards'],
    [{ image: 'a b' }, 'image'],
    [{ image: undefined }, 'image'],
    [{ claim: 'Sweeps_1' }, 'claim'],
    [{ mount: 'results' }, 'mount'],
    [{ gpus: -1 }, 'gpus'],
    [{ throttle: 0 }, 'throttle'],
    [{ backoffLimitPerIndex: -1 }, 'backoffLimitPerIndex'],
  ])('is refused for %j', (options, field) => {
    expect(() => job(options)).toThrow(expect.objectContaining({ name: 'InputError', field }));
  });

  it.each(['/elsewhere/sweep', '/results', '/results/../sweep', 'results/sweep'])(
    'is refused for the folder %s',
    (folder) =>
      expect(() => kubernetesManifest(job({}, { folder }))).toThrow(/^invalid folder: .* below \/results/),
  );
});
