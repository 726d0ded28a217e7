import { defineConfig } from 'vitest/config';

/** Guests, namespaces, fixed ports and what is timed want the machine for themselves; these files share it. */
const SHARED = [
  'test/conformance/{conformance,coverage}.test.ts',
  'test/cli/{bench-search,click,click-control,errors,rewrite}.test.ts',
  'test/fuzz/**/*.test.ts',
  'test/unit/**/*.test.ts',
];
const common = { testTimeout: 60_000, hookTimeout: 120_000, maxConcurrency: 2 };

export default defineConfig({
  test: {
    projects: [
      { test: { ...common, name: 'shared', include: SHARED, maxWorkers: 2, sequence: { groupOrder: 0 } } },
      {
        test: {
          ...common,
          name: 'alone',
          include: ['test/**/*.test.ts'],
          exclude: SHARED,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
