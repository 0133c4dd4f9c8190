/** Where text goes: results on standard output (alone there with --json), everything else on standard error. */

export const print = (text: string): void => void process.stdout.write(`${text}\n`);

export const note = (text: string): void => void process.stderr.write(`${text}\n`);

/** JSON has no NaN: numbers that are not finite become null. */
export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));
