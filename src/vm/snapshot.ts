/** Snapshot files: what the command line keeps in them. The format is native/monitor/snapshot.h. */

import { chmodSync, closeSync, copyFileSync, openSync, readSync, renameSync, rmSync } from 'node:fs';
import { VmError } from './errors.ts';
import type { VmRecord } from './registry.ts';

/** What a snapshot says about the router it was taken of. */
export interface SnapshotMeta {
  version: 1;
  name: string;
  config: string;
  memBytes: number;
  /** `KIND:ARG,mac=...`, as they were. */
  ports: string[];
  /** The topology it belonged to. */
  topology?: VmRecord['topology'];
  /** The plan it was given last, in base64, where known: for clones. */
  plan?: string;
}

const MAGIC = 0x50414e534b4c43n;
const HEADER_BYTES = 112;

/** Read a snapshot's description. Its integrity is the monitor's to check. Throws VmError for other files. */
export function readSnapshotMeta(file: string): SnapshotMeta {
  const refuse = (why: string) => new VmError(`${file} cannot be restored: ${why}`, 1);
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (e) {
    throw refuse((e as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : (e as Error).message);
  }
  try {
    const h = Buffer.alloc(HEADER_BYTES);
    const read = (to: Buffer, at: number) => {
      if (readSync(fd, to, 0, to.length, at) !== to.length) throw refuse('the file ends too early');
    };
    try {
      read(h, 0);
    } catch {
      throw refuse('it is no snapshot, or it was cut off');
    }
    if (h.readBigUInt64LE(0) !== MAGIC) throw refuse('it is no snapshot');
    if (h.readUInt32LE(8) !== 1) throw refuse('it was taken by another version of Clicklet');
    const runs = h.readUInt32LE(104) * 16;
    const size = h.readUInt32LE(100);
    const at = Number(h.readBigUInt64LE(40)) - runs - size;
    if (size > 64 << 20 || !(at > 0)) throw refuse('it is damaged (its sizes do not agree)');
    const text = Buffer.alloc(size);
    read(text, at);
    try {
      const meta = JSON.parse(text.toString()) as SnapshotMeta;
      if (!Array.isArray(meta.ports) || typeof meta.config !== 'string') throw new Error('shape');
      return meta;
    } catch {
      throw refuse('it is damaged (its description)');
    }
  } catch (e) {
    if (e instanceof VmError) throw e;
    throw refuse((e as Error).message);
  } finally {
    closeSync(fd);
  }
}

/** Copies what a monitor holds ready, so that `file` is there whole or not at all. */
export function copySnapshot(pid: number, fd: number, file: string): void {
  const part = `${file}.part-${process.pid}`;
  try {
    copyFileSync(`/proc/${pid}/fd/${fd}`, part);
    chmodSync(part, 0o600);
    renameSync(part, file);
  } catch (e) {
    rmSync(part, { force: true });
    throw new VmError(`cannot write ${file}: ${(e as Error).message}`, 1);
  }
}
