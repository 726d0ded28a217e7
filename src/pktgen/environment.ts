/** Where a result was measured. */

import { readFileSync } from 'node:fs';
import { cpus, getPriority, loadavg, release } from 'node:os';
import { version } from '../engine/paths.ts';
import { kvmProblem } from '../vm/vmm.ts';
import type { Environment } from './results.ts';

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
