/** Runs checks on backends and collects what they find. */
import * as tf from '@tensorflow/tfjs';
import type { BackendInfo, BackendName, BackendReport } from '../backend/backend.js';
import { listBackends } from '../backend/useBackend.js';
import { checkConfig } from '../input/checkConfig.js';
import { InputError } from '../host/inputError.js';
import { provenance, type Provenance } from '../host/provenance.js';
import { openDevice, type Device } from '../solver/device.js';
import { randomCases, type Case } from './cases.js';
import { passes, type Check, type CheckContext, type Finding, type Measurement } from './check.js';
import { verifySchema, type VerifyConfig, type VerifyInput } from './config.js';
import { closedFormChecks } from './checks/closedForms.js';
import { isHostOnly, isOnHost } from './means/fields.js';
import { flowChecks } from './checks/flowEquations.js';
import { otherFlowChecks } from './checks/flows.js';
import { backendChecks } from './checks/backends.js';
import { invariantChecks } from './checks/invariants.js';
import { kernelChecks } from './checks/kernels.js';
import { orderChecks } from './checks/orders.js';
import { ownCases, ownFloat64Gradient, ownGradient } from './checks/ownLoss.js';
import { saddleChecks } from './checks/saddles.js';
import { schemeChecks } from './checks/schemes.js';
import { secondDerivativeChecks } from './checks/secondDerivatives.js';
import { stabilizedChecks } from './checks/stabilized.js';
import { verificationSubject } from './subject.js';

/** Every check of rankflow itself, in the order in which they are read. */
export const checks: readonly Check[] = [
  ...flowChecks,
  ...secondDerivativeChecks,
  ...schemeChecks,
  ...invariantChecks,
  ...closedFormChecks,
  ...otherFlowChecks,
  ...saddleChecks,
  ...backendChecks,
  ...kernelChecks,
  ...orderChecks,
  ...stabilizedChecks,
];

export interface Verification {
  /** One per check and backend; checks on the host once. */
  readonly findings: readonly Finding[];
  readonly provenance: Provenance;
}

/** Hears of a verification while it runs, which waits for promises that are returned. */
export interface VerifyWatch {
  /** Called once, before the first check: how many findings there will be, and which backends are left out of 'all'. */
  start?(total: number, backends: readonly BackendInfo[], absent: readonly BackendReport[]): unknown;
  /** Called with every finding, and how many there are so far. */
  finding?(finding: Finding, done: number): unknown;
}

/**
 * Verifies rankflow, or a loss given as a module.
 * @throws InputError if the input is wrong, a backend is absent, or there is no such check
 */
export async function verify(input: VerifyInput = {}, watch: VerifyWatch = {}): Promise<Verification> {
  const config = checkConfig(verifySchema, input);
  // What is wrong with a loss is said before a device is opened.
  const cases = await casesFor(config);
  const selection = select(applicable(config, cases), config.only);
  const { names, absent } = await backendsOf(config.backend);
  const devices: Device[] = [];
  try {
    for (const name of names) devices.push(await openDevice(name, { tf32: config.tf32, workers: 1 }));
    return await verifiedOn(devices, cases, selection, absent, config, watch);
  } finally {
    for (const device of devices) await device.close();
  }
}

async function verifiedOn(
  devices: readonly Device[],
  cases: readonly Case[],
  selection: readonly Check[],
  absent: readonly BackendReport[],
  config: VerifyConfig,
  watch: VerifyWatch,
): Promise<Verification> {
  const backends = devices.map(({ info }) => info);
  const runs = devices.map((device, i) => ({
    device,
    tasks: selection.filter(
      (check) => (i === 0 || !isHostOnly(check, cases)) && (check.suits?.(device.info) ?? true),
    ),
  }));
  if (runs.every(({ tasks }) => tasks.length === 0))
    throw new InputError(
      'only',
      config.only,
      `checks that can be made on ${backends.map(({ name }) => name).join(', ')}`,
    );
  const origin = provenance(joinBackends(backends), config.seed, config);
  await watch.start?.(
    runs.reduce((sum, { tasks }) => sum + tasks.length, 0),
    backends,
    absent,
  );
  const findings: Finding[] = [];
  for (const { device, tasks } of runs) {
    const { seed, size } = config;
    const context: CheckContext = {
      ...{ seed, size, device, cases },
      backend: device.info,
      subject: verificationSubject,
    };
    for (const check of tasks) {
      const finding = await judge(check, context);
      findings.push(finding);
      await watch.finding?.(finding, findings.length);
    }
  }
  return { findings, provenance: origin };
}

/**
 * A check's measurement with its verdict; a check that throws, or whose device refused work, has failed. One at a time:
 * tensors made meanwhile are disposed.
 */
export async function judge(check: Check, context: CheckContext): Promise<Finding> {
  const { id, claim, source } = check;
  const measurement = await measure(check, context).catch((error: unknown): Measurement => ({
    measured: NaN,
    allowed: { from: NaN, to: NaN, reason: 'a measurement' },
    where: `it failed: ${error instanceof Error ? error.message : error}`,
  }));
  return {
    id,
    claim,
    source,
    backend: isHostOnly(check, context.cases) ? 'host' : context.backend.name,
    ...measurement,
    pass: passes(measurement),
  };
}

/** Measures on the check's device, in a scope of its own: a check that throws leaves its tensors behind. */
const measure = (check: Check, context: CheckContext): Promise<Measurement> =>
  context.device.run(async () => {
    tf.engine().startScope(check.id);
    try {
      const measurement = await check.measure(context);
      if (!isHostOnly(check, context.cases)) await context.backend.check();
      return measurement;
    } finally {
      tf.engine().endScope();
    }
  });

async function casesFor(config: VerifyConfig): Promise<Case[]> {
  const { loss, shape, base, seed, size } = config;
  if (loss !== undefined) return ownCases(loss, config);
  for (const [name, value] of Object.entries({ shape, base }))
    if (value !== undefined) throw new InputError(name, value, "left out: rankflow's own losses are random");
  return randomCases(seed, size);
}

/** The checks that can be made on the cases. */
function applicable({ loss }: VerifyConfig, cases: readonly Case[]): readonly Check[] {
  if (loss === undefined) return checks;
  const exports = (name: 'gradient' | 'hostGradient') => cases.some(({ definition }) => definition[name]);
  const moduleChecks = [
    ...(exports('gradient') ? [ownGradient] : []),
    ...(exports('hostGradient') ? [ownFloat64Gradient] : []),
  ];
  const scopes = ['any-loss', ...(cases.every(isOnHost) ? ['float64-loss'] : [])];
  return [...checks.filter(({ scope = 'own-losses' }) => scopes.includes(scope)), ...moduleChecks];
}

/** The checks whose id begins with one of the prefixes, up to a slash; all if there are none. */
function select(from: readonly Check[], prefixes: readonly string[] | undefined): readonly Check[] {
  const within = (prefix: string, { id }: Check) => `${id}/`.startsWith(`${prefix}/`);
  for (const prefix of prefixes ?? [])
    if (!from.some((check) => within(prefix, check))) {
      const groups = new Set(from.map(({ id }) => id.split('/')[0]!));
      throw new InputError('only', prefix, `one of ${[...groups, ...from.map(({ id }) => id)].join(', ')}`);
    }
  return prefixes ? from.filter((check) => prefixes.some((prefix) => within(prefix, check))) : from;
}

async function backendsOf(
  choice: VerifyConfig['backend'],
): Promise<{ names: readonly (BackendName | 'auto')[]; absent: readonly BackendReport[] }> {
  if (choice !== 'all') return { names: [choice], absent: [] };
  const reports = await listBackends();
  return {
    names: reports.filter(({ available }) => available).map(({ name }) => name),
    absent: reports.filter(({ available }) => !available),
  };
}

/** Several backends as one, for the record. */
function joinBackends(backends: readonly BackendInfo[]): Parameters<typeof provenance>[0] {
  const join = (key: 'name' | 'device' | 'precision') => backends.map((backend) => backend[key]).join('; ');
  return { name: join('name'), device: join('device'), precision: join('precision') };
}
