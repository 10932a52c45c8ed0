import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['regraft-source'] },
  ssr: { resolve: { conditions: ['regraft-source', 'node'] } },
  test: {
    include: ['test/**/*.test.ts'],
    // What this machine was tuned to is not what others run.
    env: { REGRAFT_TUNING: 'off' },
    // In CI the run ends with what was skipped.
    reporters: process.env.CI ? ['default', './test/skipped.ts'] : ['default'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // While one compiles kernels, which takes one core, the other computes. More software adapters on the same cores only slow each other.
    maxWorkers: 2,
  },
});
