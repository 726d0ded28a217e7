/** What the fuzzers of fused code have in common: the engine, a folder of their own, and the numbers that begin a run. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { packagePath } from '../../src/engine/paths.ts';

export const SEED = Number(process.env.CLICKLET_FUZZ_SEED ?? 1);
export const unitCount = (usual: number): number => Number(process.env.CLICKLET_FUZZ_UNITS ?? usual);
export const engine = packagePath('build', 'clicklet-engine');

/** A folder for one test file, which also has its compiled units; removed at its end. */
export function workFolder(tag: string): string {
  const dir = mkdtempSync(join(tmpdir(), `clicklet-${tag}-`));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  process.env.XDG_CACHE_HOME = join(dir, 'cache');
  process.env.CLICKLET_FUSE_CFLAGS ??= '-O1';
  return dir;
}
