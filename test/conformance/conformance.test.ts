import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findCases, parseCase } from './case.ts';

const folder = dirname(fileURLToPath(import.meta.url));
const click = join(folder, '..', '..', 'bin', 'click.js');

describe('conformance cases, dynamic engine', () => {
  for (const path of findCases(folder))
    it(relative(folder, path), () => {
      const c = parseCase(path);
      const dir = mkdtempSync(join(tmpdir(), 'clicklet-case-'));
      try {
        writeFileSync(join(dir, 'config.click'), c.config, 'latin1');
        for (const [name, text] of c.files) writeFileSync(join(dir, name), text, 'latin1');
        const run = spawnSync(process.execPath, [click, ...c.args, 'config.click'], {
          cwd: dir,
          encoding: 'latin1',
          timeout: 20_000,
        });
        expect(run.error).toBeUndefined();
        if (c.stdout !== undefined) expect(run.stdout).toBe(c.stdout);
        if (c.stderr !== undefined) expect(run.stderr).toBe(c.stderr);
        expect(run.status, run.stderr).toBe(c.exit ?? 0);
        for (const [name, text] of c.outs) {
          const file = join(dir, name);
          expect(existsSync(file), `${name} was not written`).toBe(true);
          expect(readFileSync(file, 'latin1')).toBe(text);
        }
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    });
});
