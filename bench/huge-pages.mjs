// Huge pages of 2 MiB for DPDK, had from the kernel for as long as a measurement takes.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const HUGE = '/proc/sys/vm/nr_hugepages';
let before;

/** So many pages more; false if they cannot be had: then none were taken. */
export function reserveHuge(pages) {
  if (!existsSync(HUGE)) return false;
  const had = readFileSync(HUGE, 'utf8').trim();
  const want = Number(had) + pages;
  try {
    writeFileSync(HUGE, String(want));
  } catch {
    return false;
  }
  before = had;
  if (Number(readFileSync(HUGE, 'utf8')) >= want) return true;
  giveBackHuge();
  return false;
}

/** As it was before. */
export function giveBackHuge() {
  if (before !== undefined) writeFileSync(HUGE, before);
  before = undefined;
}
