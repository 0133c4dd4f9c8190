/**
 * `rankflow advise --stats` killed while it writes, stopped, and shared out by Slurm's scripts: the same command goes on,
 * and all of it is that of a run that nothing disturbs.
 */
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { tensorsOf, weight, writeStatistics } from '../advise/statistics.js';
import { node } from '../cli/support.js';
import { served } from '../oneProcess.js';
import { idleSlurm, killAt, main, rankflow, run, work } from './support.js';

const weights = [weight('layer', 8, 6, 1), weight('other', 6, 9, 10)];
const stats = writeStatistics('stats.safetensors', tensorsOf(weights), { cosine: '0.9', hvp: '9' });
cpSync(stats, join(work, 'stats.safetensors'));

/** Two chunks of each weight on each of both surrogates. */
const CHUNKS = 8;
const flagsOf = (steps: number) => [
  ...['--stats', 'stats.safetensors', '--optimizer', 'adamw', '--lr', '0.01', '--steps', String(steps)],
  ...['--ranks', '1,6', '--trials', '2', '--backend', 'cpu', '--precision', 'float64', '--workers', '1'],
];
const flags = flagsOf(30);
const forecast = ['advise', ...flags];

const parts = (folder: string) =>
  readdirSync(join(work, folder, 'adapters'))
    .filter((name) => name.endsWith('.parquet'))
    .sort();

function results(folder: string) {
  const file = (name: string) => readFileSync(join(work, folder, name), 'utf8');
  return {
    parts: parts(folder),
    shares: file('shares.csv'),
    forecast: { ...JSON.parse(file('forecast.json')), provenance: null },
  };
}

let undisturbed: ReturnType<typeof results>;

describe('a forecast that is cut off or shared out', () => {
  beforeAll(async () => {
    const whole = await served([...forecast, '--out', 'whole'], work);
    expect(whole.code, whole.stderr).toBe(0);
    undisturbed = results('whole');
    expect(undisturbed.parts).toHaveLength(CHUNKS);
  }, 60_000);

  it('goes on when it is killed at each place', async () => {
    const places = [
      ['part-000003', 3],
      ['killed/forecast.json', CHUNKS],
    ] as const;
    for (const [place, done] of places) {
      const { code } = await node(['--import', killAt(place), main, ...forecast, '--out', 'killed'], work);
      expect(code, place).toBeNull();
      expect(parts('killed'), place).toHaveLength(done);
    }
    const { code, stdout, stderr } = await served([...forecast, '--out', 'killed'], work);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('Results: killed (open killed/report.html)');
    expect(stderr).toContain('0 of 16 adapters are trained');
    expect(results('killed')).toEqual(undisturbed);
  }, 60_000);

  it('stops after the chunk in hand, and says how it goes on and how it stands', async () => {
    const { code, stderr } = await rankflow(
      ['advise', ...flagsOf(3000), '--shard', '1/1', '--out', 'stopped'],
      (child) =>
        child.stderr!.on('data', (said) => {
          if (String(said).includes('adapters are trained')) child.kill('SIGTERM');
        }),
    );
    expect(code, stderr).toBe(143);
    expect(stderr).toContain('SIGTERM: ends after the chunk in hand');
    expect(stderr).toContain(
      'Go on with: rankflow advise --out stopped --stats stats.safetensors --optimizer adamw --lr 0.01 --steps 3000 --ranks 1,6 --trials 2 --backend cpu --precision float64 --workers 1 --shard 1/1\n',
    );
    const standing = JSON.parse((await served(['status', 'stopped', '--json'], work)).stdout);
    const { done, missing } = standing.chunks;
    expect(done + missing).toBe(CHUNKS);
    expect(missing).toBeGreaterThan(0);
    expect(standing.adaptersMissing).toBe(2 * missing);
  }, 60_000);

  it('is submitted to Slurm', () => {
    const submit = [process.execPath, main, 'advise', 'submit', ...flags, '--slurm', '--shards', '2'];
    const path = idleSlurm();
    run([...submit, '--gres', '', '--out', 'array'], path);
    const script = (name: string) => readFileSync(join(work, 'array/slurm', name), 'utf8');
    expect(script('array.sh')).toContain(
      `'advise' '--out' '${join(work, 'array')}' '--stats' 'stats.safetensors' '--optimizer' 'adamw' `,
    );
    expect(script('array.sh')).not.toContain('gres');
    for (const task of ['0', '1'])
      run(['bash'], { SLURM_ARRAY_TASK_ID: task, SLURM_JOB_ID: '7' }, script('array.sh'));
    run(['bash'], { SLURM_JOB_ID: '8' }, script('merge.sh'));
    expect(results('array')).toEqual(undisturbed);
    const { provenance } = JSON.parse(readFileSync(join(work, 'array/forecast.json'), 'utf8'));
    expect(provenance).toMatchObject({ device: 'that of each run', backend: 'cpu', paths: ['fused'] });
  }, 60_000);

  it('is given to the pods of a Kubernetes job', () => {
    const paths = flags.map((word) => (word === 'stats.safetensors' ? join(work, word) : word));
    const job = ['--kubernetes', '--shards', '2', '--image', 'i', '--claim', 'c', '--mount', work];
    const out = join(work, 'pods');
    const manifest = run([process.execPath, main, 'advise', 'submit', ...paths, ...job, '--out', out], {});
    expect(existsSync(out)).toBe(false);
    const [{ command, resources }] = parse(manifest, { version: '1.1' }).spec.template.spec.containers;
    expect(resources.limits).toEqual({ 'nvidia.com/gpu': '1' });
    expect(command).toEqual(['rankflow', 'advise', '--out', out, ...paths, '--shard', 'auto']);
    expect(manifest).toContain(JSON.stringify(['rankflow', 'advise', 'merge', out]));
  }, 60_000);
});
