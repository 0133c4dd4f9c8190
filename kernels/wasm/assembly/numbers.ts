/** The module of dense linear algebra in float64 (src/numbers): what its inner loops are. */
export { multiplyTiles } from './numbers/products';
export { updateAndGather, updateAndMultiply } from './generated/rows';
export { reflect, rotate } from './numbers/strips';
