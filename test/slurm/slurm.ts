/**
 * A Slurm of its own on this machine, for root where Debian's slurm-wlm and munge are installed: one node with
 * invented processors and GPUs, reachable from this machine alone, with all of its files in one temporary folder.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const daemons = { munged: '/usr/sbin/munged', slurmctld: '/usr/sbin/slurmctld', slurmd: '/usr/sbin/slurmd' };

/** Whether it can be started here. */
export const hasSlurm = process.getuid?.() === 0 && Object.values(daemons).every((path) => existsSync(path));

export interface Slurm {
  /** What a command of Slurm prints. */
  readonly ask: (command: string, ...args: string[]) => string;
  readonly stop: () => Promise<void>;
}

/** Starts it, and points the commands of this process at it. @throws Error with its logs if it does not get ready */
export async function startSlurm(): Promise<Slurm> {
  const folder = mkdtempSync(join(tmpdir(), 'rankflow-slurm-'));
  const inside = (name: string) => join(folder, name);
  // Daemons of two users meet here.
  chmodSync(folder, 0o755);
  const [host, munge] = [hostname().split('.')[0]!, userOf('munge')];
  for (const name of ['munge', 'state', 'spool']) mkdirSync(inside(name), { mode: 0o711 });
  writeFileSync(inside('munge/key'), randomBytes(1024), { mode: 0o400 });
  for (const name of ['munge', 'munge/key']) chownSync(inside(name), munge.uid, munge.gid);
  for (let gpu = 0; gpu < units; gpu++) writeFileSync(inside(`gpu${gpu}`), '');
  writeFileSync(inside('gres.conf'), `NodeName=${host} Name=gpu File=${inside(`gpu[0-${units - 1}]`)}\n`);
  writeFileSync(inside('slurm.conf'), configuration(folder, host, await freePorts()));

  const running: ChildProcess[] = [];
  const logs: string[] = [];
  const start = (daemon: keyof typeof daemons, args: readonly string[], options: SpawnOptions = {}) => {
    const log = inside(`${daemon}.out`);
    const out = openSync(log, 'a');
    logs.push(log);
    running.push(spawn(daemons[daemon], args, { ...options, stdio: ['ignore', out, out] }));
  };
  const before = process.env['SLURM_CONF'];
  process.env['SLURM_CONF'] = inside('slurm.conf');
  const ask = (command: string, ...args: string[]) =>
    execFileSync(command, args, { encoding: 'utf8', timeout: 20_000 }).trim();

  const stop = async () => {
    spawnSync('scancel', ['--user=root'], { timeout: 20_000 });
    await until(
      () => spawnSync('squeue', ['-h'], { encoding: 'utf8', timeout: 20_000 }).stdout.trim() === '',
    );
    for (const child of running.reverse()) await ended(child);
    if (before === undefined) delete process.env['SLURM_CONF'];
    else process.env['SLURM_CONF'] = before;
    rmSync(folder, { recursive: true });
  };

  const file = (option: string, name: string) => `--${option}=${inside(`munge/${name}`)}`;
  start(
    'munged',
    [
      '--foreground',
      file('key-file', 'key'),
      file('socket', 'socket'),
      file('pid-file', 'pid'),
      file('seed-file', 'seed'),
    ],
    munge,
  );
  await until(() => existsSync(inside('munge/socket')));
  start('slurmctld', ['-D', '-f', inside('slurm.conf')]);
  start('slurmd', ['-D', '-f', inside('slurm.conf'), '-N', host]);
  const isIdle = () =>
    spawnSync('sinfo', ['-h', '-o', '%T'], { encoding: 'utf8', timeout: 20_000 }).stdout.trim() === 'idle';
  if (await until(isIdle)) return { ask, stop };
  const said = logs.map((log) => `${log}:\n${readFileSync(log, 'utf8')}`).join('\n');
  await stop();
  throw new Error(`Slurm does not get ready\n${said}`);
}

/** Processors and GPUs of the node. */
const units = 16;

const configuration = (folder: string, host: string, [controller, node]: readonly [number, number]) => `\
ClusterName=rankflow
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${controller}
SlurmdPort=${node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# A requeued job waits for as long as a credential lasts: 2 minutes by default, 5 s at least.
AuthInfo=socket=${folder}/munge/socket,cred_expire=5
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
ReturnToService=2
KillWait=5
# Arrays of at most ten tasks.
MaxArraySize=10
# The node has what is said below, not what this machine has.
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=${host} NodeAddr=127.0.0.1 CPUs=${units} Gres=gpu:${units} State=UNKNOWN
PartitionName=all Nodes=${host} Default=YES MaxTime=INFINITE State=UP
`;

function userOf(name: string): { uid: number; gid: number } {
  const id = (option: string) => Number(execFileSync('id', [option, name], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** Two ports that nobody listens at. */
async function freePorts(): Promise<readonly [number, number]> {
  const servers = [createServer(), createServer()] as const;
  const ports = servers.map(
    (server) =>
      new Promise<number>((resolve) =>
        server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
      ),
  );
  const [a, b] = await Promise.all(ports);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return [a!, b!];
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill();
  const killer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await exit;
  clearTimeout(killer);
}

/** Whether it became true within some seconds. */
export async function until(isTrue: () => boolean, seconds = 30): Promise<boolean> {
  for (const end = Date.now() + 1000 * seconds; Date.now() < end; await sleep(100)) if (isTrue()) return true;
  return false;
}
