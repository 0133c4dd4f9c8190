import { defineConfig } from 'vitest/config';

export default defineConfig(({ mode }) => ({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
    // `--mode all`: on every backend that is here (test/backends.ts).
    env: { EVERY_BACKEND: mode === 'all' ? '1' : '' },
  },
}));
