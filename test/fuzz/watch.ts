/**
 * What a reader may do with a file: read it or throw an InputError that says why on one short line, within a second,
 * with memory in proportion to the file. Anything else is a fault.
 */
import { isAnyArrayBuffer } from 'node:util/types';
import { GCProfiler } from 'node:v8';
import { createContext, Script } from 'node:vm';
import { InputError } from '../../src/host/inputError.js';

const MOST_MESSAGE = 2000;

export interface Limits {
  /** Of the processor: what else the machine does beside does not count. */
  readonly ms: number;
  readonly bytes: number;
}

export interface Watched {
  readonly refused: boolean;
  readonly ms: number;
  /** Bytes of all buffers and of all else on the heap that was made, also of what was dropped: no less than was held. */
  readonly bytes: number;
  readonly fault: string | null;
}

/** Throws what is no InputError, and one whose message cannot be printed as a line. */
export function refusal(error: unknown): void {
  if (!(error instanceof InputError)) throw error;
  const { message } = error;
  if (message.length > MOST_MESSAGE) throw new Error(`a message of ${message.length} characters`);
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(message))
    throw new Error(`control characters in a message: ${JSON.stringify(message)}`);
}

/** What `read` gives; null if it refuses, as it may. */
export function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    refusal(error);
    return null;
  }
}

const context = createContext({ work: () => {} });
const call = new Script('work()');

/** Runs a reader; also one that never ends is stopped. `work` returns null if the file was refused. */
export function watched(work: () => unknown, limits: Limits): Watched {
  let [refused, fault] = [false, null as string | null];
  context['work'] = () => void (refused = attempt(work) === null);
  const [memory, buffers, collected] = [process.memoryUsage(), made, new GCProfiler()];
  collected.start();
  const start = process.cpuUsage();
  try {
    // The watchdog of a script also ends what the script calls. It goes by the clock, so it waits longer.
    call.runInContext(context, { timeout: 5 * limits.ms });
  } catch (error) {
    fault = `threw ${String(error).slice(0, 500)}`;
  }
  const used = process.cpuUsage(start);
  const ms = (used.user + used.system) / 1000;
  const after = process.memoryUsage();
  const freed = collected
    .stop()
    .statistics.map(
      ({ beforeGC, afterGC }) => beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize,
    );
  const bytes =
    Math.max(made - buffers, after.arrayBuffers - memory.arrayBuffers) +
    Math.max(
      0,
      freed.reduce((sum, size) => sum + size, after.heapUsed - memory.heapUsed),
    );
  if (ms > limits.ms) fault ??= `took ${ms.toFixed(0)} ms`;
  if (bytes > limits.bytes) fault ??= `allocated ${bytes} bytes, of ${Math.floor(limits.bytes)} allowed`;
  return { refused, ms, bytes, fault };
}

let made = 0;

const arrays = [
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array, ArrayBuffer],
];

/** From now on the bytes of buffers and typed arrays count when they are made, also those that are dropped at once. */
export function countBuffers(): void {
  for (const original of arrays) {
    const counted = new Proxy(original, {
      construct(target, args: unknown[], newTarget) {
        const array = Reflect.construct(target, args, newTarget) as { byteLength: number };
        if (!isAnyArrayBuffer(args[0])) made += array.byteLength;
        return array;
      },
    });
    Object.assign(globalThis, { [original.name]: counted });
    // What `slice`, `map` and their like construct.
    original.prototype.constructor = counted;
  }
}
