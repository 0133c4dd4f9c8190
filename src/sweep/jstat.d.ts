/** The part of jStat that is used; the package has no types of its own. */
declare module 'jstat' {
  const jstat: {
    readonly jStat: {
      mean(values: readonly number[]): number;
      stdev(values: readonly number[], sample: boolean): number;
      quantiles(values: readonly number[], at: readonly number[], alphap: number, betap: number): number[];
      readonly studentt: { inv(p: number, dof: number): number };
    };
  };
  export default jstat;
}
