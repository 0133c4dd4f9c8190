/** The Runge-Kutta tableaus that rankflow brings: those of the methods of their names (methods.ts). */
import { tableau } from './tableau.js';

/** Classical fourth-order Runge-Kutta (Kutta 1901). */
const rk4 = tableau({
  order: 4,
  a: [[], [1 / 2], [0, 1 / 2], [0, 0, 1]],
  b: [1 / 6, 1 / 3, 1 / 3, 1 / 6],
});

/** Bogacki and Shampine 1989, A 3(2) pair of Runge-Kutta formulas, Appl. Math. Lett. 2. */
const bosh3 = tableau({
  order: 3,
  a: [[], [1 / 2], [0, 3 / 4], [2 / 9, 1 / 3, 4 / 9]],
  b: [2 / 9, 1 / 3, 4 / 9, 0],
  embedded: { order: 2, b: [7 / 24, 1 / 4, 1 / 3, 1 / 8] },
});

/** Dormand and Prince 1980, A family of embedded Runge-Kutta formulae, J. Comput. Appl. Math. 6: 5(4). */
const dopri5 = tableau({
  order: 5,
  a: [
    [],
    [1 / 5],
    [3 / 40, 9 / 40],
    [44 / 45, -56 / 15, 32 / 9],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
    [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
  ],
  b: [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0],
  embedded: {
    order: 4,
    b: [5179 / 57600, 0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40],
  },
});

/**
 * Tsitouras 2011, Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying assumption, Comput.
 * Math. Appl. 62.
 */
const tsit5 = tableau({
  order: 5,
  a: [
    [],
    [161 / 1000],
    [-0.008480655492356989, 0.335480655492357],
    [2.8971530571054935, -6.359448489975075, 4.3622954328695815],
    [5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525],
    [5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383],
    [
      0.09646076681806523,
      1 / 100,
      0.4798896504144996,
      1.379008574103742,
      -3.290069515436081,
      2.324710524099774,
    ],
  ],
  b: [
    0.09646076681806523,
    1 / 100,
    0.4798896504144996,
    1.379008574103742,
    -3.290069515436081,
    2.324710524099774,
    0,
  ],
  embedded: {
    order: 4,
    b: [
      0.09468075576583945,
      0.009183565540343254,
      0.4877705284247616,
      1.234297566930479,
      -2.7077123499835256,
      1.866628418170587,
      1 / 66,
    ],
  },
});

export const tableaus = { rk4, bosh3, dopri5, tsit5 } as const;
