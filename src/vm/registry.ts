/** The running virtual routers of this machine: one folder each, with what is needed to find and handle them. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What is kept about a virtual router. */
export interface VmRecord {
  version: 1;
  name: string;
  /** The monitor's or QEMU's process, and when it started, so that a reused number is not mistaken for it. */
  pid: number;
  pidStart: string;
  vmm: 'kvm' | 'qemu' | 'process';
  config: string;
  createdMs: number;
  memBytes: number;
  ports: string[];
  bootMs: BootMs | null;
  /** The topology it belongs to, and digests of the plan it runs and of all else it was booted with, in a row. */
  topology?: { name: string; digest: string };
  /** Its end is in the journal. */
  ended?: true;
}

/** Boot phases in ms since the start of the monitor's process; firstPacket is null until a packet was forwarded. */
export interface BootMs {
  monitor: number;
  kernel: number;
  configure: number;
  firstPacket: number | null;
  total: number;
}

/** Where state is kept: $CLICKLET_STATE, else below the user's runtime folder. */
export function stateRoot(): string {
  const uid = process.getuid?.() ?? 0;
  return (
    process.env.CLICKLET_STATE ??
    (process.env.XDG_RUNTIME_DIR
      ? join(process.env.XDG_RUNTIME_DIR, 'clicklet')
      : uid === 0 && existsSync('/run')
        ? '/run/clicklet'
        : join(tmpdir(), `clicklet-${uid}`))
  );
}

export const vmFolder = (name: string): string => join(stateRoot(), name);
export const controlPath = (name: string): string => join(vmFolder(name), 'control');
/** Of a plan or a text, 16 characters. */
export const digestOf = (of: Uint8Array | string): string =>
  createHash('sha256').update(of).digest('hex').slice(0, 16);

/** The configuration as it was booted. */
export const planPath = (name: string): string => join(vmFolder(name), 'plan');
export const logPath = (name: string): string => join(vmFolder(name), 'log');

/** Names of virtual routers: what can be a folder and a word. */
export const validName = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(name);

/** Make the folder of a new virtual router. False if the name is taken by one that is there. */
export function claim(name: string): boolean {
  mkdirSync(stateRoot(), { recursive: true, mode: 0o700 });
  try {
    mkdirSync(vmFolder(name), { mode: 0o700 });
    return true;
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw e;
  }
}

/** Written whole or not at all. */
export function save(record: VmRecord): void {
  const file = join(vmFolder(record.name), 'state.json');
  writeFileSync(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

export function load(name: string): VmRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(vmFolder(name), 'state.json'), 'utf8')) as VmRecord;
  } catch {
    return undefined;
  }
}

export function list(): VmRecord[] {
  const root = stateRoot();
  const names = existsSync(root) ? readdirSync(root).sort() : [];
  return names.map(load).filter((r) => r !== undefined);
}

/** Forget a virtual router and remove its files. */
export function forget(name: string): void {
  rmSync(vmFolder(name), { recursive: true, force: true });
}

/** When a process started, from /proc; undefined if it is gone or a zombie. */
export function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export const alive = (r: VmRecord): boolean => processStart(r.pid) === r.pidStart;

/** Memory of a process in bytes, 0 if it is gone: resident, and of that without what comes from files, as its code. */
export function processMemory(pid: number): { residentBytes: number; privateBytes: number } {
  let status = '';
  try {
    status = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    // it is gone
  }
  const bytes = (key: string) =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
  return { residentBytes: bytes('VmRSS'), privateBytes: bytes('RssAnon') + bytes('RssShmem') };
}
