/**
 * Descent of f = 1/2 |X Y^T - E|^2, E = diag(sigma), less the decay: E Y - X (Y^T Y + mu) and E^T X - Y (X^T X + nu).
 */
import type { DiagonalStructure } from '../../../src/problem/structure.js';
import type { Layout } from '../layout.js';
import type { StructureShader } from './structure.js';

const times = (count: number, text: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => text(i));

/** Begins the sums of a tile of the diagonal with the decay of the factor that the Gram matrix is multiplied with. */
const decayText = `
    if (a == b && part == 0u) {
      let decay = table[DECAY + select(1u, 0u, ofY)];
      s0.x = decay;
      s1.y = decay;
      s2.z = decay;
      s3.w = decay;
    }`;

const text = ({ block, parts }: Layout, decays: boolean): string => /* wgsl */ `
// Gram matrices X^T X and Y^T Y in tiles of 4 x 4: of tile (a, b), the rows 4 a to 4 a + 3 and columns of quad b.
const TILES = 2u * QUADS * QUADS;
const GRAM_QUADS = 4u * TILES;

fn sumGrams(source: u32) {
  for (var task = lane; task < TILES * PARTS; task += THREADS) {
    let tile = task / PARTS;
    let part = task % PARTS;
    let ofY = tile >= TILES / 2u;
    let a = (tile / QUADS) % QUADS;
    let b = tile % QUADS;
    let rows = select(ROWS_X, ROWS - ROWS_X, ofY);
    let share = (rows + PARTS - 1u) / PARTS;
    let begin = select(0u, ROWS_X, ofY) + part * share;
    let end = min(begin + share, select(ROWS_X, ROWS, ofY));
    var s0 = vec4f();
    var s1 = vec4f();
    var s2 = vec4f();
    var s3 = vec4f();${decays ? decayText : ''}
    for (var row = begin; row < end; row++) {
      let u = vector(source + row * QUADS + a);
      let v = vector(source + row * QUADS + b);
      s0 += u.x * v;
      s1 += u.y * v;
      s2 += u.z * v;
      s3 += u.w * v;
    }
    setGram(4u * task, s0);
    setGram(4u * task + 1u, s1);
    setGram(4u * task + 2u, s2);
    setGram(4u * task + 3u, s3);
  }
  ${
    parts === 1
      ? ''
      : `sync();
  for (var quad = lane; quad < GRAM_QUADS; quad += THREADS) {
    var sum = vec4f();
    for (var part = 0u; part < PARTS; part++) {
      sum += gram(((quad / 4u) * PARTS + part) * 4u + quad % 4u);
    }
    setGram(GRAMS + quad, sum);
  }`
  }
}

fn descent(source: u32, to: u32, start: u32, end: u32) {
  sync();
  sumGrams(source);
  sync();
  for (var row = start + lane; row < end; row += ${block}u * THREADS) {
    let ofX = row < ROWS_X;
    let other = select(source + (row - ROWS_X) * QUADS, source + (row + ROWS_X) * QUADS, ofX);
    let grams = GRAMS + select(0u, GRAM_QUADS / 2u, ofX);
    ${times(block, (i) => `let row${i} = source + (row + ${i}u * THREADS) * QUADS;`).join('\n    ')}
    for (var b = 0u; b < QUADS; b++) {
      ${times(block, (i) => `var out${i} = vec4f();`).join('\n      ')}
      for (var a = 0u; a < QUADS; a++) {
        let tile = grams + 4u * (a * QUADS + b);
        let g0 = gram(tile);
        let g1 = gram(tile + 1u);
        let g2 = gram(tile + 2u);
        let g3 = gram(tile + 3u);
        ${times(
          block,
          (i) =>
            `let z${i} = vector(row${i} + a);\n        ` +
            `out${i} -= z${i}.x * g0 + z${i}.y * g1 + z${i}.z * g2 + z${i}.w * g3;`,
        ).join('\n        ')}
      }
      ${times(
        block,
        (i) =>
          `let sigma${i} = table[row + ${i}u * THREADS];\n      ` +
          // Where the other factor has no such row sigma is 0.
          `if (sigma${i} != 0) { out${i} += sigma${i} * vector(other + ${i}u * THREADS * QUADS + b); }\n      ` +
          `setVector(to + (row + ${i}u * THREADS) * QUADS + b, out${i});`,
      ).join('\n      ')}
    }
  }
}
const GRAMS = ${parts === 1 ? '0u' : 'GRAM_QUADS * PARTS'};
`;

export const diagonal: StructureShader<DiagonalStructure> = {
  text,
  // sigma of each row.
  table: ({ sigma }, { rowsX, rows }) =>
    Array.from({ length: rows }, (_, row) => sigma[row < rowsX ? row : row - rowsX] ?? 0),
  scale: ({ sigma }) => Math.max(...sigma),
};
