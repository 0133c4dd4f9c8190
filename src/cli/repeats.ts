/** Which flags and positionals may be given more than once. */
import { adviseSchema } from '../advise/config.js';
import { forecastSchema } from '../advise/forecast/config.js';
import { InputError } from '../host/inputError.js';
import { listFlags } from '../input/fromText.js';
import { reproductionSchema } from '../reproduce/config.js';
import { sweepSchema } from '../sweep/config.js';
import { verifySchema } from '../verify/config.js';

const lists = [
  '_',
  'folders',
  ...listFlags(sweepSchema),
  ...listFlags(verifySchema),
  ...listFlags(reproductionSchema),
  ...listFlags(adviseSchema),
  ...listFlags(forecastSchema),
];

/** @throws InputError, naming it, if something that is no list is given more than once */
export function refuseRepeats(argv: Readonly<Record<string, unknown>>): true {
  for (const [name, value] of Object.entries(argv))
    if (Array.isArray(value) && !lists.includes(name)) throw new InputError(name, value, 'given once');
  return true;
}
