import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { findCompiler } from '../../src/engine/fuse/compiler.ts';
import { QUICK } from '../quick.ts';
import { findCases } from './case.ts';
import { folder, runCase } from './run-case.ts';

const cache = mkdtempSync(join(tmpdir(), 'clicklet-fused-'));
afterAll(() => rmSync(cache, { recursive: true }));
const env = { CLICKLET_ENGINE: 'fused', CLICKLET_FUSE_CFLAGS: QUICK, XDG_CACHE_HOME: cache };

if (!findCompiler()) console.log('no C compiler: the conformance cases are not run on the fused engine');
describe.skipIf(!findCompiler())('conformance cases, fused engine', () => {
  for (const path of findCases(folder)) it.concurrent(relative(folder, path), () => runCase(path, env));
});
