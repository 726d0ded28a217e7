/** The committed class table is what the engine says of itself. */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { classTable } from '../../../src/engine/table.ts';
import { root } from '../../system/hosts.ts';

const engine = join(root, 'build', 'clicklet-engine');
if (!existsSync(engine)) console.log('class table: skipped: the engine is not built on this system');

describe.skipIf(!existsSync(engine))('class table', () => {
  it('src/generated/elements.json is a fresh dump (if not: commit what `npm run build:native` wrote)', () => {
    const committed = spawnSync('git', ['show', 'HEAD:src/generated/elements.json'], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    const text =
      committed.status === 0
        ? committed.stdout
        : readFileSync(join(root, 'src/generated/elements.json'), 'utf8');
    const fresh = spawnSync(engine, ['--table'], { encoding: 'utf8', maxBuffer: 1 << 26 });
    expect(JSON.parse(text)).toEqual(JSON.parse(fresh.stdout));
  });

  it('every class names its source, and its source documents it', () => {
    for (const c of classTable()) {
      const source = readFileSync(join(root, c.file), 'utf8');
      expect(source, c.file).toMatch(/^\/\*\* \w+/);
    }
  });
});
