/** Trace files, looked at before anything starts: whether one is there and can be replayed. */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const ETHERNET = 1;
/** pcap with microseconds and nanoseconds, in either order of bytes. */
const PCAP = [0xa1b2c3d4, 0xa1b23c4d];
const PCAPNG = 0x0a0d0d0a;
/** gzip, bzip2, xz, zstd: what they hold is known when it is read. */
const COMPRESSED = ['1f8b', '425a68', 'fd377a58', '28b52ffd'];

/** What is wrong with a trace file, as far as its beginning tells; undefined: nothing. */
export function traceProblem(file: string): string | undefined {
  const head = Buffer.alloc(24);
  let length: number;
  try {
    const fd = openSync(file, 'r');
    try {
      if (fstatSync(fd).isDirectory()) return `${file}: a directory`;
      length = readSync(fd, head, 0, head.length, 0);
    } finally {
      closeSync(fd);
    }
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    const why = { ENOENT: 'no such file', EACCES: 'permission denied', EISDIR: 'a directory' }[code ?? ''];
    return `${file}: ${why ?? message}`;
  }
  if (COMPRESSED.some((magic) => head.toString('hex').startsWith(magic))) return undefined;
  const [le, be] = [head.readUInt32LE(0), head.readUInt32BE(0)];
  if (length >= 4 && be === PCAPNG) return undefined;
  if (length < 24 || !PCAP.some((magic) => magic === le || magic === be))
    return `${file}: neither a pcap nor a pcapng file`;
  const link = 0x0fffffff & (PCAP.includes(le) ? head.readUInt32LE(20) : head.readUInt32BE(20));
  return link === ETHERNET ? undefined : `${file}: link type ${link}: only Ethernet can be sent`;
}
