/** Where a result was measured. */

import { readFileSync } from 'node:fs';
import { cpus, getPriority, loadavg, release } from 'node:os';
import { version } from '../engine/paths.ts';
import { kvmProblem } from '../vm/vmm.ts';
import type { Environment } from './results.ts';
import type { Handlers } from './trial.ts';

/** The clock behind the timestamps, and why their error is what it is. */
function timestamps(): string {
  let clock = 'unknown';
  try {
    clock = readFileSync('/sys/devices/system/clocksource/clocksource0/current_clocksource', 'utf8').trim();
  } catch {
    // not Linux, or no sysfs
  }
  return `software, steady clock (${clock}), read once for each batch sent and received`;
}

/** Packets that share one reading of the clock, at most: an engine's usual batch. */
const BATCH = 32;

/** How exact time stamps are in this run. `generatorPps`: what the generator makes alone, if that was measured. */
export async function timestampError(
  g: Handlers,
  sink: string,
  generatorPps: number | null,
): Promise<NonNullable<Environment['timestampErrorNs']>> {
  const c = JSON.parse(await g.read(`${sink}.clock`)) as { p50: number; p99: number; max: number };
  const batch = generatorPps ? Math.round((BATCH / generatorPps) * 1e9) : null;
  return { readP50: c.p50, readP99: c.p99, readMax: c.max, batch };
}

/** The clock and the error of its readings, for people. */
export function timingText(e: Environment): string {
  const t = e.timestampErrorNs;
  if (!t) return e.timestamps;
  const batch = t.batch === null ? '' : `; a batch of ${BATCH} shares one, up to ${t.batch} ns`;
  return `${e.timestamps}; error: a reading ${t.readP50} ns (99 %: ${t.readP99}, of 1000: ${t.readMax})${batch}`;
}

export function environment(generatorCpu: number | null, dutCpu: number | null): Environment {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    node: process.version,
    kvm: kvmProblem() ?? 'usable',
    clicklet: version,
    date: new Date().toISOString(),
    loadAverage: loadavg().map((x) => Math.round(x * 100) / 100),
    priority: getPriority(),
    generatorCpu,
    dutCpu,
    timestamps: timestamps(),
  };
}
