import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { findCompiler } from '../../src/engine/fuse/compiler.ts';
import { findCases } from './case.ts';
import { folder, runCase } from './run-case.ts';

const cache = mkdtempSync(join(tmpdir(), 'clicklet-fused-'));
afterAll(() => rmSync(cache, { recursive: true }));
// Hundreds of units: what is compiled quickly, with calls instead of inlined code, does the same as what is compiled well
// (test/fuzz inlines). What a unit does not use must go.
const quick = findCompiler()?.version.includes('clang')
  ? '-O1'
  : '-O0 -fno-keep-static-consts -D__always_inline__=__unused__';
const env = { CLICKLET_ENGINE: 'fused', CLICKLET_FUSE_CFLAGS: quick, XDG_CACHE_HOME: cache };

if (!findCompiler()) console.log('no C compiler: the conformance cases are not run on the fused engine');
describe.skipIf(!findCompiler())('conformance cases, fused engine', () => {
  for (const path of findCases(folder)) it.concurrent(relative(folder, path), () => runCase(path, env));
});
