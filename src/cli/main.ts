#!/usr/bin/env node
/** The command line: exit code 0 for success, 1 for a defect or a failed run, 2 for bad input. */
import yargs, { type CommandModule } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { InputError } from '../host/inputError.js';
import { release } from '../host/release.js';
import { note } from './output.js';

/** Modules of the commands, in the order of the help. */
const modules: Readonly<Record<string, () => Promise<CommandModule>>> = {
  sweep: async () => (await import('./commands/sweep.js')).sweepCommand,
  simulate: async () => (await import('./commands/simulate.js')).simulateCommand,
  status: async () => (await import('./commands/status.js')).statusCommand,
  theory: async () => (await import('./commands/theory.js')).theoryCommand,
  verify: async () => (await import('./commands/verify.js')).verifyCommand,
  reproduce: async () => (await import('./commands/reproduce.js')).reproduceCommand,
  advise: async () => (await import('./commands/advise.js')).adviseCommand,
  devices: async () => (await import('./commands/devices.js')).devicesCommand,
};

/** Only what begins with the name of a command is known to need no other; a version needs none. */
function needed(first = ''): (() => Promise<CommandModule>)[] {
  if (first === '--version') return [];
  const module = Object.hasOwn(modules, first) ? modules[first] : undefined;
  return module ? [module] : Object.values(modules);
}

/** Says what went wrong and ends with its exit code. */
function fail(message: string | null, error?: Error): never {
  if (error && !(error instanceof InputError) && error.name !== 'YError') {
    // What the system refuses, such as a full disk, is no defect.
    note('syscall' in error ? `rankflow: ${error.message}` : (error.stack ?? error.message));
    process.exit(1);
  }
  const reason = error instanceof InputError ? error.message : `${message}; see rankflow --help`;
  note(`rankflow: ${reason.replaceAll(/\s*\n\s*/g, ' ')}`);
  process.exit(2);
}

const words = hideBin(process.argv);
const commands = await Promise.all(needed(words[0]).map((load) => load()));

await yargs(words)
  .scriptName('rankflow')
  .usage('$0 <command> [options]\n\nSimulates LoRA gradient flows beside their closed-form theory.')
  .command(commands)
  .demandCommand(1, 'a command is needed')
  .strict()
  .locale('en')
  .version(release.version)
  .wrap(Math.min(110, process.stdout.columns ?? 110))
  .parserConfiguration({ 'camel-case-expansion': false, 'duplicate-arguments-array': true })
  .check(async (argv) => (await import('./repeats.js')).refuseRepeats(argv))
  .fail((message, error) => fail(message, error))
  .parseAsync();
