/**
 * `rankflow advise BASE TUNED` killed while it writes, between weights and while adapters are written, and shared out by
 * hand, by Slurm's script and by a pod: the same command goes on, and all of it is that of a run that nothing disturbs.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { node } from '../cli/support.js';
import { largePair } from '../advise/large.js';
import {
  idleSlurm,
  killAt,
  main,
  rankflow as started,
  rankflowServed as rankflow,
  run,
  work,
} from './support.js';

const [base, tuned] = ['pair/base', 'pair/tuned'];
const pair = ['advise', base, tuned, '--budget', '5%', '--write', 'adapters'];

const parts = (folder: string) =>
  readdirSync(join(work, folder, 'weights'))
    .filter((name) => name.endsWith('.parquet'))
    .sort();

/** The numbers of a folder, and its adapters; moves the adapters away. */
function results(folder: string) {
  const advice = JSON.parse(readFileSync(join(work, folder, 'advice.json'), 'utf8'));
  const adapter = readFileSync(join(work, 'adapters/5pct/adapter_model.safetensors'), 'latin1');
  rmSync(join(work, 'adapters'), { recursive: true });
  return { parts: parts(folder), advice: { ...advice, provenance: null }, adapter };
}

let undisturbed: ReturnType<typeof results>;

describe('advice that is cut off or shared out', () => {
  beforeAll(async () => {
    largePair(join(work, 'pair'), 128, 3);
    const whole = await rankflow([...pair, '--out', 'whole']);
    expect(whole.code, whole.stderr).toBe(0);
    undisturbed = results('whole');
    expect(undisturbed.parts).toHaveLength(3);
  }, 60_000);

  it('goes on when it is killed at each place', async () => {
    const places = [
      ['.part/config.json', null],
      ['part-000000', 0],
      ['part-000002', 2],
      ['5pct/adapter_model', 3],
      ['killed/advice.json', 3],
    ] as const;
    for (const [place, done] of places) {
      const { code } = await node(['--import', killAt(place), main, ...pair, '--out', 'killed'], work);
      expect(code, place).toBeNull();
      if (done === null) expect(existsSync(join(work, 'killed'))).toBe(false);
      else expect(parts('killed'), place).toHaveLength(done);
      expect(existsSync(join(work, 'adapters'))).toBe(false);
    }
    const { code, stdout, stderr } = await rankflow([...pair, '--out', 'killed']);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('Results: killed (open killed/report.html), adapters in adapters');
    expect(stderr).toContain('0 of 3 weights are decomposed');
    expect(results('killed')).toEqual(undisturbed);
    const { runs } = JSON.parse((await rankflow(['status', 'killed', '--json'])).stdout);
    expect(runs.filter(({ state }: { state: string }) => state === 'killed')).toHaveLength(2);
  }, 120_000);

  it('stops after the weight in hand, and says how it goes on', async () => {
    const flags = ['--max-rank', '8', '--shard', '1/1'];
    const { code, stderr } = await started([...pair, ...flags, '--out', 'stopped'], (child) =>
      child.stderr!.on('data', (said) => {
        if (String(said).includes('weights are decomposed')) child.kill('SIGTERM');
      }),
    );
    expect(code, stderr).toBe(143);
    expect(stderr).toContain(
      `Go on with: rankflow advise ${base} ${tuned} --out stopped --budget '5%' --max-rank 8 --write adapters --shard 1/1\n`,
    );
    expect(stderr).toContain('SIGTERM: ends after the weight in hand');
    const refused = await rankflow([...pair, '--out', 'stopped']);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toBe('rankflow: invalid maxRank: 64; must be 8, as in stopped\n');
  }, 60_000);

  it('is shared out and merged', async () => {
    for (const number of [2, 1]) {
      const { code, stderr } = await rankflow([...pair, '--shard', `${number}/2`, '--out', 'shared']);
      expect(code, stderr).toBe(0);
      expect(stderr).toContain(`shard ${number}/2 is done. When all are: rankflow advise merge shared`);
      if (number === 1) continue;
      const half = await rankflow(['advise', 'merge', 'shared']);
      expect(half).toMatchObject({ code: 1, stdout: '' });
      expect(half.stderr).toMatch(/^rankflow: 2 chunks are missing: 0/m);
      expect((await rankflow(['status', 'shared'])).stdout).toMatch(/^1 chunks are done, 2 missing: 0/);
    }
    cpSync(join(work, 'shared'), join(work, 'other'), { recursive: true });
    const { code, stdout, stderr } = await rankflow(['advise', 'merge', 'shared', '--json']);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(readFileSync(join(work, 'shared/advice.json'), 'utf8')));
    expect(results('shared')).toEqual(undisturbed);
    expect((await rankflow(['advise', 'merge', 'shared', 'other', '--out', 'both'])).code).toBe(0);
    expect(results('both')).toEqual(undisturbed);
  }, 120_000);

  it.each<[string[], string]>([
    [[...pair, '--shard', '1/2'], 'invalid out: nothing; must be a folder that all shards share'],
    [
      ['advise', tuned, base, '--out', 'whole'],
      'invalid base: pair/tuned; must be as it was when whole was begun',
    ],
    [['advise', 'merge', 'pair'], 'must be the results folder of advice'],
    [['sweep', 'merge', 'whole'], 'the results folder of a sweep (it is one of advice)'],
    [['advise', 'submit', base, tuned, '--slurm', '--shards', '0', '--out', 'x'], 'invalid shards: 0'],
    [
      [
        ...['advise', 'submit', base, tuned, '--kubernetes', '--shards', '2', '--out', '/results/x'],
        ...['--image', 'i', '--claim', 'c'],
      ],
      'invalid base: pair/base; must be a path below /results, where the claim is mounted',
    ],
  ])('refuses %j', async (args, words) => {
    const { code, stdout, stderr } = await rankflow(args);
    expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(words);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(existsSync(join(work, 'x'))).toBe(false);
  });

  it('is submitted to Slurm', () => {
    const submit = [process.execPath, main, 'advise', 'submit', ...pair.slice(1), '--slurm', '--shards', '2'];
    const path = idleSlurm();
    const dry = run([...submit, '--out', 'array', '--dry-run'], path);
    expect(existsSync(join(work, 'array'))).toBe(false);
    run([...submit, '--out', 'array'], path);
    const script = (name: string) => readFileSync(join(work, 'array/slurm', name), 'utf8');
    expect(dry).toBe(`${script('array.sh')}\n${script('merge.sh').trimEnd()}\n`);
    expect(dry).toContain(
      `'advise' '${base}' '${tuned}' '--out' '${join(work, 'array')}' '--budget' '5%' '--write' 'adapters' '--shard' 'auto' &\n`,
    );
    expect(dry).toContain(`'advise' 'merge' '${join(work, 'array')}'\n`);
    expect(dry).not.toContain('gres');
    for (const task of ['0', '1'])
      run(['bash'], { SLURM_ARRAY_TASK_ID: task, SLURM_JOB_ID: '7' }, script('array.sh'));
    run(['bash'], { SLURM_JOB_ID: '8' }, script('merge.sh'));
    expect(results('array')).toEqual(undisturbed);
  }, 60_000);

  it('is computed by the pods of a Kubernetes job', () => {
    const paths = [join(work, base), join(work, tuned), '--out', join(work, 'pods'), '--budget', '5%'];
    const flags = ['--kubernetes', '--shards', '2', '--image', 'i', '--claim', 'c', '--mount', work];
    const manifest = run([process.execPath, main, 'advise', 'submit', ...paths, ...flags], {});
    expect(existsSync(join(work, 'pods'))).toBe(false);
    const { spec } = parse(manifest, { version: '1.1' });
    const [{ command, env, resources }] = spec.template.spec.containers;
    expect(resources).toBeUndefined();
    const given = Object.fromEntries(env.map(({ name, value }: Record<string, string>) => [name, value]));
    for (const index of ['0', '1'])
      run([process.execPath, main, ...command.slice(1)], { ...given, JOB_COMPLETION_INDEX: index });
    expect(parts('pods')).toHaveLength(3);
    const merge = JSON.parse(/^# When .*: (\[.*\])$/m.exec(manifest)![1]!) as string[];
    expect(run([process.execPath, main, ...merge.slice(1)], {})).toMatch(/^Within 5%: /);
  }, 60_000);
});
