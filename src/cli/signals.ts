/** Signals that end a command: Ctrl-C, and what schedulers send before they kill. */

const numbers = { SIGINT: 2, SIGTERM: 15 } as const;
type EndSignal = keyof typeof numbers;

/**
 * Calls a handler for each end signal, with its name and the exit code that stands for it.
 * @returns a function that restores what the process did before
 */
export function onEndSignals(handler: (name: EndSignal, exitCode: number) => void): () => void {
  const listener = (name: NodeJS.Signals, number: number) => handler(name as EndSignal, 128 + number);
  const names = Object.keys(numbers) as EndSignal[];
  for (const name of names) process.on(name, listener);
  return () => {
    for (const name of names) process.off(name, listener);
  };
}
