/** What the wasm kernel reads of f = 1/2 (trace0 + tr(X Y^T))^2. */
import type { TraceStructure } from '../../../src/problem/structure.js';
import type { TableOf } from './structure.js';

export const trace: TableOf<TraceStructure> = ({ trace0 }) => ({ trace0 });
