/** The module of dense linear algebra in float64 (src/numbers): what its inner loops are. */
export { multiplyTiles } from './numbers/products';
