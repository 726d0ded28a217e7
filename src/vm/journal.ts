/** What happened to the virtual routers of this machine: one JSON line each, written by the monitors and by us. */

import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { alive, controlPath, list, load, save, stateRoot } from './registry.ts';

/** One line of the journal; further members by event, see native/monitor/README.md. */
export interface JournalEvent {
  /** Milliseconds since 1970. */
  time: number;
  name: string;
  event: string;
  [member: string]: unknown;
}

/** No router can have this name. */
export const journalPath = (): string => join(stateRoot(), '.events');
const KEPT_BYTES = 1 << 20;

/** Open for a monitor to append to; what is very old goes. */
export function openJournal(): number {
  const fd = openSync(journalPath(), 'a+', 0o600);
  const { size } = fstatSync(fd);
  if (size > 4 * KEPT_BYTES) {
    const tail = Buffer.alloc(KEPT_BYTES);
    const n = readSync(fd, tail, 0, KEPT_BYTES, size - KEPT_BYTES);
    ftruncateSync(fd, 0);
    appendFileSync(fd, tail.subarray(tail.indexOf('\n') + 1, n));
  }
  return fd;
}

export function note(name: string, event: string, members: Record<string, unknown> = {}): void {
  const fd = openJournal();
  appendFileSync(fd, `${JSON.stringify({ time: Date.now(), name, event, ...members })}\n`);
  closeSync(fd);
}

const parse = (line: string): JournalEvent | undefined => {
  try {
    return JSON.parse(line) as JournalEvent;
  } catch {
    return undefined; // cut off in the middle by a full disk
  }
};

/** Reads on from byte `at`: whole lines only. */
export function readJournal(at = 0): { events: JournalEvent[]; at: number } {
  if (!existsSync(journalPath())) return { events: [], at: 0 };
  const fd = openSync(journalPath(), 'r');
  try {
    const { size } = fstatSync(fd);
    if (size < at) at = 0; // it was shortened
    const bytes = Buffer.alloc(size - at);
    const n = readSync(fd, bytes, 0, bytes.length, at);
    const whole = bytes.subarray(0, bytes.lastIndexOf('\n', n) + 1);
    const lines = whole.toString().split('\n').filter(Boolean);
    return { events: lines.map(parse).filter((e) => e !== undefined), at: at + whole.length };
  } finally {
    closeSync(fd);
  }
}

const ENDS = new Set(['stopped', 'crashed', 'failed']);

/**
 * Finds virtual routers that ended without a word (their monitor was killed): says so in the journal and removes
 * what they had open.
 */
export function noteDeaths(): void {
  for (const record of list()) {
    if (record.ended || alive(record)) continue;
    const { events } = readJournal();
    const last = events
      .filter((e) => e.name === record.name && (ENDS.has(e.event) || e.event === 'started'))
      .at(-1);
    if (!last || !ENDS.has(last.event) || last.time < record.createdMs - 1000)
      note(record.name, 'crashed', { status: 137, reason: 'its monitor was killed' });
    rmSync(controlPath(record.name), { force: true });
    if (load(record.name)?.pid === record.pid) save({ ...record, ended: true });
  }
}

/** The tail of a router's own log, for messages. */
export function tail(file: string, lines = 5): string {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}
