/** How long the host kept the generator and the router from running: other work on their CPUs, or another machine on it. */

import { readdirSync, readFileSync } from 'node:fs';

/** What Linux says of a thread (schedstat, status) and of its CPU (/proc/stat). */
export interface ThreadTimes {
  /** Wall clock. */
  atMs: number;
  /** On a CPU that the host really gave. */
  runMs: number;
  /** Ready to run, while others ran. */
  waitMs: number;
  /** How often it went to sleep by itself. */
  sleeps: number;
  /** Taken from its CPU by the hypervisor; in steps of 10 ms. */
  stealMs: number;
}

/** A thread that goes to sleep by itself no more often than this a second is always busy. */
const BUSY_SLEEPS = 20;

/**
 * Seconds that a thread could not run although it was ready. A busy thread is held up whenever it does not run. Of one
 * that sleeps now and then only the waiting is certain, and what was stolen from its CPU.
 */
export function heldUpS(before: ThreadTimes, after: ThreadTimes): number {
  const elapsed = after.atMs - before.atMs;
  const busy = after.sleeps - before.sleeps <= (BUSY_SLEEPS * elapsed) / 1000;
  const ms = busy
    ? elapsed - (after.runMs - before.runMs)
    : after.waitMs - before.waitMs + after.stealMs - before.stealMs;
  return Math.min(elapsed, Math.max(0, ms)) / 1000;
}

/** A thread by its folder in /proc, and the CPU that it is bound to. */
export interface Thread {
  folder: string;
  cpu: number;
}

/** The thread of a process that is bound to this one CPU; of several the one that ran longest. undefined: none is. */
export function boundThread(pid: number | 'self', cpu: number | null | undefined): Thread | undefined {
  if (cpu === null || cpu === undefined) return undefined;
  const found: { folder: string; runMs: number }[] = [];
  for (const folder of tasks(pid)) {
    try {
      const status = readFileSync(`${folder}/status`, 'utf8');
      if (/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] !== String(cpu)) continue;
      found.push({ folder, runMs: Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]) / 1e6 });
    } catch {
      // it has ended
    }
  }
  const best = found.sort((a, b) => b.runMs - a.runMs)[0];
  return best && { folder: best.folder, cpu };
}

function tasks(pid: number | 'self'): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((t) => `/proc/${pid}/task/${t}`);
  } catch {
    return [];
  }
}

/** The thread of a process that ran longest, and the CPU that it ran on last. undefined: there is none, or it is gone. */
export function busiestThread(pid: number): Thread | undefined {
  let best: { folder: string; runMs: number } | undefined;
  for (const folder of tasks(pid)) {
    try {
      const runMs = Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
      if (!best || runMs > best.runMs) best = { folder, runMs };
    } catch {
      // it has ended
    }
  }
  if (!best) return undefined;
  try {
    // Field 39; the name, field 2, is in parentheses and may hold anything.
    const fields = readFileSync(`${best.folder}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return { folder: best.folder, cpu: Number(fields[36]) };
  } catch {
    return undefined;
  }
}

/** undefined: Linux does not say. */
export function threadTimes({ folder, cpu }: Thread): ThreadTimes | undefined {
  try {
    const [run, wait] = readFileSync(`${folder}/schedstat`, 'utf8').split(' ').map(Number);
    const sleeps = /^voluntary_ctxt_switches:\s*(\d+)$/m.exec(readFileSync(`${folder}/status`, 'utf8'))?.[1];
    const line = new RegExp(`^cpu${cpu} (.*)$`, 'm').exec(readFileSync('/proc/stat', 'utf8'))?.[1];
    return {
      atMs: performance.now(),
      runMs: run! / 1e6,
      waitMs: wait! / 1e6,
      sleeps: Number(sleeps ?? 0),
      stealMs: Number(line?.split(' ')[7] ?? 0) * 10,
    };
  } catch {
    return undefined;
  }
}

/** Seconds of a trial in which the host kept each from running; null: not known. */
export interface HeldUpS {
  generator: number | null;
  router: number | null;
}

/** Watches the two threads that a trial depends on. */
export interface HostWatch {
  /** From now on. The function that is returned ends it. */
  begin(): () => HeldUpS;
}

export function hostWatch(generator: () => Thread | undefined, router: () => Thread | undefined): HostWatch {
  return {
    begin() {
      const threads = [generator(), router()];
      const before = threads.map((t) => t && threadTimes(t));
      return () => {
        const [g, r] = threads.map((t, i) => {
          const after = before[i] && t && threadTimes(t);
          return after ? heldUpS(before[i]!, after) : null;
        });
        return { generator: g ?? null, router: r ?? null };
      };
    },
  };
}
