/** Other work on the machine should not be what is measured. */

import { getPriority, setPriority } from 'node:os';

/** Runs with the highest priority that is permitted; engine threads and monitors inherit it. */
export async function atHighPriority<T>(body: () => Promise<T>): Promise<T> {
  const before = getPriority();
  try {
    setPriority(-20);
  } catch {
    // not permitted: the result's environment says which priority it had
  }
  try {
    return await body();
  } finally {
    setPriority(before);
  }
}
