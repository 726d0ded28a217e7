/** A result as comma-separated values (RFC 4180): one line for each trial and for each figure that a search found. */

import { writeFileSync } from 'node:fs';
import { print } from '../cli/output.ts';
import type { BenchResult } from './results.ts';

const COLUMNS = [
  'kind',
  'size',
  'name',
  'run',
  'offered_pps',
  'tx_packets',
  'rx_packets',
  'missed_packets',
  'refused_packets',
  'rx_pps',
  'loss_ratio',
  'lower_pps',
  'upper_pps',
  'reordered',
  'duplicates',
  'duration_s',
  'latency_p50_us',
  'latency_p99_us',
  'latency_p9999_us',
  'excused_packets',
  'held_up_generator_s',
  'held_up_router_s',
  'repeated',
] as const;

type Row = Partial<Record<(typeof COLUMNS)[number], string | number | null>>;

const field = (v: string | number | null | undefined): string => {
  const text = v === null || v === undefined ? '' : String(v);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

function rows(r: BenchResult): Row[] {
  const list: Row[] = r.trials.map((t) => ({
    kind: 'trial',
    size: t.size,
    name: String(t.rate),
    offered_pps: t.offeredPps,
    tx_packets: t.txPackets,
    rx_packets: t.rxPackets,
    missed_packets: t.missedPackets,
    rx_pps: t.rxPps,
    loss_ratio: t.lossRatio,
    reordered: t.reordered,
    duplicates: t.duplicates,
    duration_s: t.durationS,
    latency_p50_us: t.latencyUs?.p50 ?? null,
    latency_p99_us: t.latencyUs?.p99 ?? null,
    latency_p9999_us: t.latencyUs?.p9999 ?? null,
  }));
  for (const s of r.search?.sizes ?? []) {
    const { size } = s;
    for (const g of s.goals)
      list.push({
        kind: 'goal',
        size,
        name: g.name,
        run: g.run,
        rx_pps: g.throughputPps,
        lower_pps: g.lowerPps,
        upper_pps: g.upperPps,
        loss_ratio: g.lossRatio,
      });
    if (s.rfc2544)
      list.push({
        kind: 'throughput',
        size,
        rx_pps: s.rfc2544.throughputPps,
        lower_pps: s.rfc2544.throughputPps,
        upper_pps: s.rfc2544.failedPps,
      });
    for (const l of s.latency)
      list.push({
        kind: 'latency',
        size,
        name: l.label,
        offered_pps: l.load,
        loss_ratio: l.lossRatio,
        latency_p50_us: l.latencyUs?.p50 ?? null,
        latency_p99_us: l.latencyUs?.p99 ?? null,
        latency_p9999_us: l.latencyUs?.p9999 ?? null,
      });
    for (const t of s.trials)
      list.push({
        kind: 'search trial',
        size,
        run: t.run,
        offered_pps: t.load,
        tx_packets: t.txPackets,
        rx_packets: t.rxPackets,
        missed_packets: t.missedPackets,
        refused_packets: t.refusedPackets,
        excused_packets: t.excusedPackets ?? null,
        held_up_generator_s: t.heldUpS?.generator ?? null,
        held_up_router_s: t.heldUpS?.router ?? null,
        repeated: t.repeated ?? null,
        loss_ratio: t.lossRatio,
        reordered: t.reordered,
        duplicates: t.duplicates,
        duration_s: t.durationS,
        latency_p50_us: t.latencyP50Us,
        latency_p99_us: t.latencyP99Us,
      });
  }
  return list;
}

export const csvText = (r: BenchResult): string =>
  [COLUMNS.join(','), ...rows(r).map((row) => COLUMNS.map((c) => field(row[c])).join(','))]
    .map((line) => `${line}\n`)
    .join('');

/** `-` is standard output. */
export function writeCsv(r: BenchResult, file: string): void {
  if (file === '-') print(csvText(r));
  else writeFileSync(file, csvText(r));
}
