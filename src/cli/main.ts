#!/usr/bin/env node
/** The command line: exit code 0 for success, 1 for a defect or a failed run, 2 for bad input. */
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { InputError } from '../host/inputError.js';
import { release } from '../host/release.js';
import { adviseSchema } from '../advise/config.js';
import { forecastSchema } from '../advise/forecast/config.js';
import { sweepSchema } from '../sweep/config.js';
import { listFlags } from '../input/fromText.js';
import { verifySchema } from '../verify/config.js';
import { reproductionSchema } from '../reproduce/config.js';
import { adviseCommand } from './commands/advise.js';
import { devicesCommand } from './commands/devices.js';
import { note } from './output.js';
import { reproduceCommand } from './commands/reproduce.js';
import { simulateCommand } from './commands/simulate.js';
import { statusCommand } from './commands/status.js';
import { sweepCommand } from './commands/sweep.js';
import { theoryCommand } from './commands/theory.js';
import { verifyCommand } from './commands/verify.js';

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

/** Flags and positionals that may be given more than once. */
const lists = [
  '_',
  'folders',
  ...listFlags(sweepSchema),
  ...listFlags(verifySchema),
  ...listFlags(reproductionSchema),
  ...listFlags(adviseSchema),
  ...listFlags(forecastSchema),
];

function refuseRepeats(argv: Readonly<Record<string, unknown>>): true {
  for (const [name, value] of Object.entries(argv))
    if (Array.isArray(value) && !lists.includes(name)) throw new InputError(name, value, 'given once');
  return true;
}

await yargs(hideBin(process.argv))
  .scriptName('rankflow')
  .usage('$0 <command> [options]\n\nSimulates LoRA gradient flows beside their closed-form theory.')
  .command(sweepCommand)
  .command(simulateCommand)
  .command(statusCommand)
  .command(theoryCommand)
  .command(verifyCommand)
  .command(reproduceCommand)
  .command(adviseCommand)
  .command(devicesCommand)
  .demandCommand(1, 'a command is needed')
  .strict()
  .locale('en')
  .version(release.version)
  .wrap(Math.min(110, process.stdout.columns ?? 110))
  .parserConfiguration({ 'camel-case-expansion': false, 'duplicate-arguments-array': true })
  .check(refuseRepeats)
  .fail((message, error) => fail(message, error))
  .parseAsync();
