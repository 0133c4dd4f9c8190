/** Where a result came from: enough to run it again and to compare it with another machine's. */
export interface Provenance {
  readonly rankflow: string;
  readonly commit: string | null;
  readonly tfjs: string;
  readonly node: string;
  readonly backend: string;
  readonly device: string;
  readonly precision: string;
  readonly startedAt: string;
  readonly seed: number;
  readonly config: unknown;
}
