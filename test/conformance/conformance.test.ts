import { relative } from 'node:path';
import { describe, it } from 'vitest';
import { findCases } from './case.ts';
import { folder, runCase } from './run-case.ts';

describe.concurrent('conformance cases, dynamic engine', () => {
  for (const path of findCases(folder)) it(relative(folder, path), () => runCase(path));
});
