import { defineConfig } from 'vitest/config';

// The user interface in a real browser, on the scenes of src/dev: `npm run test:browser`.
export default defineConfig({
  test: {
    environment: 'node',
    include: ['browser/**/*.test.ts'],
    globalSetup: 'browser/setup.ts',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Half of a test is waiting.
    maxWorkers: 3,
  },
});
