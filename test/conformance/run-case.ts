/** Runs a conformance case as `click` and checks every byte that it states. */

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { parseCase } from './case.ts';

export const folder = dirname(fileURLToPath(import.meta.url));
const click = join(folder, '..', '..', 'bin', 'click.js');

interface Run {
  status: number | string | null;
  stdout: string;
  stderr: string;
}

function start(args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Run> {
  return new Promise((resolve) => {
    const options = { cwd, encoding: 'latin1' as const, timeout: 60_000, env: { ...process.env, ...env } };
    execFile(process.execPath, [click, ...args], options, (error, stdout, stderr) =>
      resolve({ status: error ? (error.code ?? error.signal ?? null) : 0, stdout, stderr }),
    ).stdin?.end();
  });
}

export async function runCase(path: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const c = parseCase(path);
  const dir = mkdtempSync(join(tmpdir(), 'clicklet-case-'));
  try {
    writeFileSync(join(dir, 'config.click'), c.config, 'latin1');
    for (const [name, text] of c.files) writeFileSync(join(dir, name), text, 'latin1');
    const run = await start([...c.args, 'config.click'], dir, env);
    if (c.stdout !== undefined) expect(run.stdout).toBe(c.stdout);
    if (c.stderr !== undefined) expect(run.stderr).toBe(c.stderr);
    expect(run.status, run.stderr).toBe(c.exit ?? 0);
    for (const [name, text] of c.outs) {
      expect(existsSync(join(dir, name)), `${name} was not written`).toBe(true);
      expect(readFileSync(join(dir, name), 'latin1')).toBe(text);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
}
