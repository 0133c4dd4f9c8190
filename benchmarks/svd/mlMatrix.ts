/** ml-matrix's decomposition in a process of its own, which may have to be killed: asked and answered by messages. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { dense, type Dense } from '../../src/numbers/dense.js';
import { families } from './families.js';
import { measured, type Measured } from './measure.js';

interface Question {
  readonly family: string;
  readonly size: number;
}

/** `begun` when the matrix is made and the clock is to run. */
type Answer = { readonly kind: 'begun' } | { readonly kind: 'measured'; readonly found: Measured };

const toDense = (a: Matrix): Dense => dense(a.rows, a.columns, Float64Array.from(a.to1DArray()));

function answer({ family, size }: Question): void {
  const a = families[family]!(size, size);
  process.send!({ kind: 'begun' } satisfies Answer);
  const found = measured(a, ({ rows, cols, data }) => {
    const svd = new SingularValueDecomposition(Matrix.from1DArray(rows, cols, data), { autoTranspose: true });
    return {
      left: toDense(svd.leftSingularVectors),
      sigma: Float64Array.from(svd.diagonal),
      right: toDense(svd.rightSingularVectors),
    };
  });
  process.send!({ kind: 'measured', found } satisfies Answer);
}

export class MlMatrix {
  #child: ChildProcess | null = null;

  /** Null if it took longer than that many seconds, or failed. */
  measure(question: Question, limit: number): Promise<Measured | null> {
    const child = (this.#child ??= fork(fileURLToPath(import.meta.url), { serialization: 'advanced' }));
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const end = (found: Measured | null) => {
        clearTimeout(timer);
        child.removeAllListeners();
        if (!found) this.close();
        resolve(found);
      };
      child.on('exit', () => end(null));
      child.on('message', (message: Answer) => {
        if (message.kind === 'measured') end(message.found);
        else timer = setTimeout(() => end(null), limit * 1000);
      });
      child.send(question);
    });
  }

  close(): void {
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }
}

if (process.send && process.argv[1] === fileURLToPath(import.meta.url)) process.on('message', answer);
