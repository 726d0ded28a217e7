/** Runs what takes a while: with a display that ends properly, and an end that an interrupt brings about. */

import { constants } from 'node:os';
import { CliError, message } from '../cli/output.ts';
import type { Display } from './progress.ts';

/** A second interrupt this long after the first ends the process at once; before that it may be the same one. */
const PATIENCE_MS = 2000;

/** What came of it, and the exit status: 0, or that of an interrupt before the end. */
export interface Shown<T> {
  result: T;
  status: number;
}

/**
 * An interrupt (SIGINT, SIGTERM) aborts the signal that `body` is given. If it returns a result all the same, that is what
 * there was until then. The exit status is that of a shell: 130, 143.
 */
export async function shown<T>(
  display: Display,
  body: (signal: AbortSignal) => Promise<T>,
): Promise<Shown<T>> {
  const controller = new AbortController();
  let by: 'SIGINT' | 'SIGTERM' | undefined;
  let at = 0;
  const stop = (signal: 'SIGINT' | 'SIGTERM') => {
    if (by && performance.now() - at > PATIENCE_MS) process.exit(128 + constants.signals[by]);
    if (by) return;
    by = signal;
    at = performance.now();
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    const result = await body(controller.signal);
    await display.end(!by);
    if (by) message(`stopped by ${by}: what follows is what there was until then\n`);
    return { result, status: by ? 128 + constants.signals[by] : 0 };
  } catch (e) {
    await display.end(false);
    throw by ? new CliError(`stopped by ${by}, without a result`, 128 + constants.signals[by]) : e;
  } finally {
    process.removeListener('SIGINT', stop);
    process.removeListener('SIGTERM', stop);
  }
}
