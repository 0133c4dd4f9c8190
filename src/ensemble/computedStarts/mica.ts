/** MiCA (arXiv 2604.01694; PEFT `mica`): B is frozen on the left singular vectors of W0 with the smallest values. */
import { columns, dense } from '../../numbers/dense.js';
import type { ComputedForm } from '../computedStart.js';
import { singularTriples } from './pissa.js';

export const mica: ComputedForm<'base'> = {
  about: 'B = the last r left singular vectors of W0, frozen (sets kB = 0), A = 0 (PEFT mica)',
  needs: 'base',
  movesBase: false,
  freezesB: true,
  adapter({ base, m }, rank) {
    const { left } = singularTriples(base);
    const last = Array.from({ length: rank }, (_, i) => left.cols - rank + i);
    return { loraA: dense(rank, m), loraB: columns(left, last) };
  },
};
