/** Ending processes of routers, also those whose starter was killed before it could write down their number. */

import { readdirSync, readFileSync } from 'node:fs';
import { controlPath, processStart, type VmRecord } from './registry.ts';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for a process to end: a second by itself (or after `first`), a second after SIGTERM, then it is killed. */
export async function endProcess(record: VmRecord, first?: NodeJS.Signals): Promise<void> {
  const steps: (NodeJS.Signals | undefined)[] = [first, 'SIGTERM', 'SIGKILL'];
  for (const signal of steps) {
    if (processStart(record.pid) !== record.pidStart) return;
    if (signal) kill(record.pid, signal);
    for (let i = 0; i < 200 && processStart(record.pid) === record.pidStart; i++) await sleep(5);
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'ESRCH') throw e;
  }
}

/**
 * Kills the processes that serve the control sockets of these routers, found by their command lines: of a router whose
 * `up` or `boot` was killed there may be no record. Returns when they are gone.
 */
export async function killStrays(names: ReadonlySet<string>): Promise<void> {
  if (names.size === 0) return;
  const sockets = new Set([...names].map(controlPath));
  const found: { pid: number; start: string }[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    let words: string[];
    try {
      words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    } catch {
      continue;
    }
    const served = words.some((word, i) =>
      words[i - 1] === '--control'
        ? sockets.has(word)
        : words[i - 1] === '-chardev' && sockets.has(/path=(.*?),server=on/.exec(word)?.[1] ?? ''),
    );
    const start = served ? processStart(pid) : undefined;
    if (start) found.push({ pid, start });
  }
  for (const { pid } of found) kill(pid, 'SIGKILL');
  for (const { pid, start } of found)
    for (let i = 0; i < 400 && processStart(pid) === start; i++) await sleep(5);
}
