/** The engine built with AddressSanitizer and UndefinedBehaviorSanitizer. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
  mkdirSync(build, { recursive: true });
  for (const [command, args] of commands) {
    // Files that are tested side by side build it once.
    const r = spawnSync('flock', [join(build, 'lock'), command, ...args], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    if (r.status !== 0) throw new Error(`${command} ${args.join(' ')}:\n${r.stdout}${r.stderr}`);
  }
}

export interface SanitizedRun {
  /** What a sanitizer said, or how the engine died or failed; undefined if it ended well. */
  readonly fault?: string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SanitizedOptions {
  readonly options?: readonly string[];
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** The plan's mistakes are no fault. */
  readonly mayRefuse?: boolean;
  /** Seconds; longer is a fault. */
  readonly seconds?: number;
}

/** Run a plan in a folder of its own, with these files in it. */
export function runSanitized(
  plan: Uint8Array,
  handlers: readonly string[] = [],
  { options = [], files = {}, mayRefuse = false, seconds = 60 }: SanitizedOptions = {},
): SanitizedRun {
  const dir = mkdtempSync(join(tmpdir(), 'clicklet-fuzz-'));
  try {
    writeFileSync(join(dir, 'plan'), plan);
    for (const [name, data] of Object.entries(files)) writeFileSync(join(dir, name), data);
    const r = spawnSync(engine, [...options, ...handlers.flatMap((h) => ['-h', h]), 'plan'], {
      cwd: dir,
      encoding: 'latin1',
      timeout: 1000 * seconds,
      maxBuffer: 1 << 28,
      env: {
        ...process.env,
        ASAN_OPTIONS: 'allocator_may_return_null=1:max_allocation_size_mb=512',
        UBSAN_OPTIONS: 'print_stacktrace=1',
      },
    });
    const { stdout, stderr } = r;
    const at = stderr.search(/==\d+==ERROR|runtime error|LeakSanitizer/);
    if (r.status === 0 || (mayRefuse && r.status === 1 && at < 0)) return { stdout, stderr };
    const fault = r.error
      ? String(r.error)
      : `exit ${r.status ?? r.signal}: ${at < 0 ? stderr.slice(-1500) : stderr.slice(at, at + 3000)}`;
    return { fault, stdout, stderr };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
