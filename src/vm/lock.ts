/** Locks between processes of this machine: one file each, which names its holder. */

import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { processStart, stateRoot } from './registry.ts';

const RETRY_MS = 10;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** In this process, those who want the same lock wait in line. */
const lines = new Map<string, Promise<unknown>>();

const holder = (): string => `${process.pid} ${processStart(process.pid)}`;

/** Is the process that wrote this still there? An empty file is one that is just being written. */
function holds(text: string): boolean {
  const [pid, start] = text.split(' ');
  return text === '' || processStart(Number(pid)) === start;
}

async function acquire(file: string): Promise<void> {
  for (let empty = 0; ; ) {
    try {
      const fd = openSync(file, 'wx');
      writeSync(fd, holder());
      closeSync(fd);
      return;
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== 'EEXIST') throw e;
    }
    let text: string | undefined;
    try {
      text = readFileSync(file, 'utf8');
    } catch {
      continue; // released just now
    }
    empty = text === '' ? empty + 1 : 0;
    if (!holds(text) || empty > 100) {
      // Its holder was killed. Whoever moves the file away removes it; the others find it gone.
      const mine = `${file}.${process.pid}`;
      try {
        renameSync(file, mine);
        const moved = readFileSync(mine, 'utf8');
        if (moved !== text)
          renameSync(mine, file); // another one's, taken in between
        else rmSync(mine, { force: true });
      } catch {
        // moved by another one
      }
      continue;
    }
    await sleep(RETRY_MS);
  }
}

/** Do something while no other process that asks for the lock `name` does. A killed holder's lock is void. */
export async function withLock<T>(name: string, body: () => Promise<T>): Promise<T> {
  const folder = join(stateRoot(), '.locks');
  const file = join(folder, name);
  const before = lines.get(name);
  const run = (async () => {
    await before?.catch(() => undefined);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    await acquire(file);
    try {
      return await body();
    } finally {
      rmSync(file, { force: true });
    }
  })();
  lines.set(name, run);
  try {
    return await run;
  } finally {
    if (lines.get(name) === run) lines.delete(name);
  }
}
