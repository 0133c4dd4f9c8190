/** Where text goes: results on standard output (alone there with --json), everything else on standard error. */

export const print = (text: string): void => void process.stdout.write(`${text}\n`);

export const note = (text: string): void => void process.stderr.write(`${text}\n`);

/** JSON has no NaN: numbers that are not finite become null. */
export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

/** A reader that closes its end early, such as `head`, wants no more: that is not an error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});
