/**
 * Descent of f = 1/2 p^2, p = trace0 + tr(X Y^T), less the decay: -p Y - mu X and -p X - nu Y. The factors have as many
 * rows.
 */
import type { TraceStructure } from '../../../src/problem/structure.js';
import type { StructureShader } from './structure.js';

const decayText = `
        - table[DECAY + select(1u, 0u, row < ROWS_X)] * vector(source + row * QUADS + quad)`;

const text = (decays: boolean): string => /* wgsl */ `
var<workgroup> overlaps: array<f32, THREADS>;

fn descent(source: u32, to: u32, start: u32, end: u32) {
  sync();
  var overlap = 0.0;
  for (var quad = lane; quad < ROWS_X * QUADS; quad += THREADS) {
    overlap += dot(vector(source + quad), vector(source + ROWS_X * QUADS + quad));
  }
  overlaps[lane] = overlap;
  sync();
  var p = table[0];
  for (var i = 0u; i < THREADS; i++) { p += overlaps[i]; }
  for (var row = start + lane; row < end; row += THREADS) {
    let other = select(row - ROWS_X, row + ROWS_X, row < ROWS_X);
    for (var quad = 0u; quad < QUADS; quad++) {
      setVector(to + row * QUADS + quad, -p * vector(source + other * QUADS + quad)${decays ? decayText : ''});
    }
  }
}
`;

export const trace: StructureShader<TraceStructure> = {
  text: (_, decays) => text(decays),
  table: ({ trace0 }) => [trace0],
  scale: ({ trace0 }) => Math.abs(trace0),
};
