/** The C compiler behind the fused engine, and the cache of what it made. */

import { type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { HostError } from '../native.ts';
import { packagePath } from '../paths.ts';

export interface Compiler {
  readonly command: string;
  /** First line of `--version`. */
  readonly version: string;
}

let found: Compiler | null | undefined;

/** The C compiler: $CC, or the first of cc, gcc and clang that runs; undefined if there is none. */
export function findCompiler(): Compiler | undefined {
  if (found !== undefined) return found ?? undefined;
  found = null;
  for (const command of process.env.CC ? [process.env.CC] : ['cc', 'gcc', 'clang']) {
    const r = spawnSync(command, ['--version'], { encoding: 'utf8' });
    if (r.status === 0) {
      found = { command, version: r.stdout.split('\n')[0]! };
      break;
    }
  }
  return found ?? undefined;
}

const FLAGS = [
  '-std=gnu11',
  '-O3',
  '-march=native',
  '-fno-tree-slp-vectorize', // pairs of counters: it costs more than it gives
  '-fvisibility=hidden',
  '-fPIC',
  '-shared',
  '-w',
];

/** Flags, and behind them those of CLICKLET_FUSE_CFLAGS (`-O1 -g`, say). */
export const withFlags = (own: readonly string[]): string[] => [
  ...own,
  ...(process.env.CLICKLET_FUSE_CFLAGS ?? '').split(/\s+/).filter(Boolean),
];
const flags = () => withFlags(FLAGS);

/** Where units are kept: $XDG_CACHE_HOME/clicklet/fused, by the digest of what they are made of. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'clicklet', 'fused');
}

/** What `-march=native` means on this machine: a shared home folder may serve several. */
function processor(): string {
  try {
    return /^flags.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[0] ?? '';
  } catch {
    return '';
  }
}

/** The folder, ours alone: what lies there is loaded into this process. */
function prepareCache(): string {
  const folder = cacheFolder();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = statSync(folder);
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0)
    throw new HostError(
      `${folder}: others can write here, so nothing of it is loaded; remove it or set XDG_CACHE_HOME`,
    );
  return folder;
}

/** Compiles a unit to a shared library, or finds it in the cache. Throws HostError. */
export const compileUnit = (text: string, signal?: AbortSignal): Promise<{ file: string; cached: boolean }> =>
  compileCached(text, '.so', [...flags(), processor()], flags(), signal);

/** Compiles a unit into a file, or finds that in the cache; `key` is what else it depends on. Throws HostError. */
export async function compileCached(
  text: string,
  suffix: '.so' | '.o',
  key: readonly string[],
  options: readonly string[],
  signal?: AbortSignal,
): Promise<{ file: string; cached: boolean }> {
  const compiler = findCompiler();
  if (!compiler)
    throw new HostError('the fused engine needs a C compiler (cc, gcc or clang): apt-get install gcc');
  const folder = prepareCache();
  const digest = createHash('sha256');
  for (const part of [text, compiler.version, ...key]) digest.update(part).update('\0');
  const stem = join(folder, digest.digest('hex'));
  const file = `${stem}${suffix}`;
  if (existsSync(file)) return { file, cached: true };
  const temporary = `${stem}.${randomBytes(4).toString('hex')}`;
  try {
    writeFileSync(`${temporary}.c`, text);
    const include = ['-I', packagePath('native', 'include'), '-I', packagePath()];
    const out = ['-o', `${temporary}${suffix}`, `${temporary}.c`];
    await run(compiler.command, [...options, ...include, ...out], signal);
    renameSync(`${temporary}${suffix}`, file);
  } finally {
    for (const end of ['.c', suffix]) rmSync(`${temporary}${end}`, { force: true });
  }
  return { file, cached: false };
}

/** Runs a compiler in the background, politely. Throws HostError with its first messages. */
export function run(command: string, args: readonly string[], signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const options: SpawnOptions = { stdio: ['ignore', 'ignore', 'pipe'], ...(signal && { signal }) };
    const child = spawn(command, args, options);
    let messages = '';
    child.stderr?.on('data', (chunk) => {
      messages += chunk;
    });
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) return resolve();
      const lines = messages.split('\n').filter((line) => /error|undefined|multiple/.test(line));
      reject(new HostError(`${command} failed: ${lines.slice(0, 5).join('\n') || messages.slice(0, 1000)}`));
    });
  });
}
