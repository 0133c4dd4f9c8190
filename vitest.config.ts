import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take longest, on software drivers above all: one that began last would keep the machine waiting. */
const longest = [
  ...['webgpuKernel.slow', 'lab/page.slow', 'cases/folders.slow', 'solver/engines.slow', 'study.slow'],
  ...['lab/pageUse.slow', 'resume/cutOff.slow', 'verify/flows.slow', 'advise/large.slow', 'batch.slow'],
  ...['digests.slow', 'packOffline.slow', 'cli/sweep.slow', 'reproduce.slow', 'cases/solver.slow', '.slow'],
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = longest.findIndex((name) => moduleId.includes(name));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig(({ mode }) => ({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // `--mode all`: on every backend that is here (test/backends.ts).
    env: { EVERY_BACKEND: mode === 'all' ? '1' : '' },
  },
}));
