/** The engine built with AddressSanitizer and UndefinedBehaviorSanitizer. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../system/hosts.ts';

const build = join(root, 'build', 'sanitize');
const engine = join(build, 'clicklet-engine');

/** Build it, or bring it up to date. Throws with the compiler's words. */
export function buildSanitized(): void {
  const cmake = ['-S', join(root, 'native'), '-B', build, '-G', 'Ninja', '-DCLICKLET_SANITIZE=ON'];
  const commands: [string, string[]][] = [
    ['cmake', cmake],
    ['cmake', ['--build', build, '--target', 'clicklet-engine']],
  ];
  for (const [command, args] of commands) {
    const r = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
    if (r.status !== 0) throw new Error(`${command} ${args.join(' ')}:\n${r.stdout}${r.stderr}`);
  }
}

/** Run a plan; what a sanitizer said, or undefined if the run ended well. */
export function runSanitized(plan: Uint8Array, handlers: string[] = []): { fault?: string; stdout: string } {
  const dir = mkdtempSync(join(tmpdir(), 'clicklet-fuzz-'));
  try {
    writeFileSync(join(dir, 'plan'), plan);
    const r = spawnSync(engine, [...handlers.flatMap((h) => ['-h', h]), 'plan'], {
      cwd: dir,
      encoding: 'latin1',
      timeout: 60_000,
      maxBuffer: 1 << 28,
      env: { ...process.env, UBSAN_OPTIONS: 'print_stacktrace=1' },
    });
    if (r.status === 0) return { stdout: r.stdout };
    const at = r.stderr.search(/==\d+==|runtime error|LeakSanitizer/);
    const fault = r.error
      ? String(r.error)
      : `exit ${r.status ?? r.signal}: ${at < 0 ? r.stderr.slice(-1500) : r.stderr.slice(at, at + 3000)}`;
    return { fault, stdout: r.stdout };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
