/**
 * Archives: a configuration together with the files it needs, in the `ar` format of System V and BSD. Click's tools
 * put element maps and component maps there; the configuration itself is the member `config`.
 */

import { CliError, EXIT } from '../output.ts';

export interface ArchiveMember {
  name: string;
  /** Seconds since 1970. */
  date: number;
  uid: number;
  gid: number;
  mode: number;
  data: Uint8Array;
}

const MAGIC = '!<arch>\n';
const HEADER_BYTES = 60;
const BSD_LONG_NAME = '#1/';

export function isArchive(text: string): boolean {
  return text.startsWith('!');
}

/** A member with the owner and time of now. */
export function newMember(name: string, data: string, mode = 0o600): ArchiveMember {
  const date = Math.floor(Date.now() / 1000);
  return {
    name,
    date,
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    mode,
    data: Buffer.from(data),
  };
}

/** The members of an archive. Names may be short, in a `//` table of names, or in front of the data (`#1/length`). */
export function parseArchive(bytes: Uint8Array, file: string): ArchiveMember[] {
  const all = Buffer.from(bytes);
  const bad = (what: string) => new CliError(`${file}: bad archive: ${what}`, EXIT.input);
  if (all.toString('latin1', 0, MAGIC.length) !== MAGIC) throw bad('it does not begin with !<arch>');
  const members: ArchiveMember[] = [];
  let names = '';
  for (let at = MAGIC.length; at + HEADER_BYTES <= all.length; ) {
    const header = all.toString('latin1', at, at + HEADER_BYTES);
    const field = (from: number, length: number) => header.slice(from, from + length).trim();
    const size = Number(field(48, 10));
    const start = at + HEADER_BYTES;
    if (field(58, 2) !== '`' || !Number.isInteger(size) || size < 0 || start + size > all.length)
      throw bad('a damaged header');
    at = start + size + (size & 1);
    let name = field(0, 16);
    let data = all.subarray(start, start + size);
    if (name === '//') names = data.toString('latin1');
    if (name === '//' || name === '/' || name === '__.SYMDEF') continue;
    if (name.startsWith(BSD_LONG_NAME)) {
      const length = Number(name.slice(BSD_LONG_NAME.length));
      name = data.toString('latin1', 0, length).replace(/\0+$/, '');
      data = data.subarray(length);
    } else if (/^\/\d+$/.test(name)) {
      name = names.slice(Number(name.slice(1))).split(/\/?\n/, 1)[0]!;
    } else name = name.replace(/\/$/, '');
    const number = (from: number, length: number, radix: number) =>
      Number.parseInt(field(from, length), radix) || 0;
    const [date, uid, gid, mode] = [
      number(16, 12, 10),
      number(28, 6, 10),
      number(34, 6, 10),
      number(40, 8, 8),
    ];
    members.push({ name, date, uid, gid, mode, data });
  }
  return members;
}

/** The bytes of an archive. */
export function writeArchive(members: readonly ArchiveMember[]): Buffer {
  const isLong = (name: string) => name.length > 15 || name.includes(' ');
  const table = members.map(({ name }) => (isLong(name) ? `${name}/\n` : '')).join('');
  const parts: Buffer[] = [Buffer.from(MAGIC)];
  const add = (name: string, fields: readonly (number | string)[], data: Uint8Array) => {
    const widths = [12, 6, 6, 8];
    const header = fields.map((text, i) => String(text).padEnd(widths[i]!)).join('');
    parts.push(Buffer.from(`${name.padEnd(16)}${header}${String(data.length).padEnd(10)}\`\n`, 'latin1'));
    parts.push(Buffer.from(data));
    if (data.length & 1) parts.push(Buffer.from('\n'));
  };
  if (table) add('//', ['', '', '', ''], Buffer.from(table));
  for (const { name, date, uid, gid, mode, data } of members)
    add(isLong(name) ? `/${table.indexOf(`${name}/\n`)}` : name, [date, uid, gid, mode.toString(8)], data);
  return Buffer.concat(parts);
}
