/** Sum of squares of `values` from index `start` on, the last first: for singular values, smallest first. */
export function tailEnergy(values: Float64Array, start: number): number {
  let sum = 0;
  for (let i = values.length - 1; i >= start; i--) sum += (values[i] as number) ** 2;
  return sum;
}
