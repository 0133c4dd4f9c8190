/** The part of jStat that is used; the package has no types of its own. */
declare module 'jstat' {
  const jstat: {
    readonly jStat: {
      mean(values: ArrayLike<number>): number;
      stdev(values: ArrayLike<number>, sample: boolean): number;
      quantiles(values: ArrayLike<number>, at: readonly number[], alphap: number, betap: number): number[];
      readonly normal: { cdf(x: number, mean: number, sd: number): number };
      readonly studentt: { inv(p: number, dof: number): number };
    };
  };
  export default jstat;
}
