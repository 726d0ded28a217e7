/** One measured trial: reset, send for a time, wait until everything in flight has come, then count. */

import { setTimeout as sleep } from 'node:timers/promises';
import { addBuckets, emptyHistogram, type LatencyHistogram } from './histogram.ts';

/** What can be read and written: a router in this process or in a virtual machine. */
export interface Handlers {
  read(handler: string): Promise<string>;
  write(handler: string, value?: string): Promise<void>;
}

/** What handler `summary` of a PktgenSource prints. */
export interface SourceSummary {
  active: boolean;
  packets: number;
  bytes: number;
  missed: number;
  elapsedNs: number;
}

/** What handler `summary` of a PktgenSink prints, as far as it is used. */
export interface SinkSummary {
  packets: number;
  bytes: number;
  lost: number;
  reordered: number;
  duplicates: number;
  late: number;
  foreign: number;
}

export interface TrialPlan {
  sources: readonly string[];
  sinks: readonly string[];
  /** Packets a second of each source; 0: as fast as they are taken. */
  rates: readonly number[];
  /** Frame sizes as PktgenSource takes them; undefined leaves them. */
  size?: string;
  durationS: number;
  /** How long packets may still be under way after the last was sent. */
  drainMs?: number;
  /** Ends the trial early with an AbortError. */
  signal?: AbortSignal | undefined;
}

export interface Counts {
  tx: SourceSummary;
  rx: SinkSummary;
  /** Of the longest of the sources. */
  durationS: number;
  histogram: LatencyHistogram;
}

/** Called about five times a second with what was sent and received so far. */
export type Progress = (state: { elapsedS: number; durationS: number; tx: number; rx: number }) => void;

const sum = <T, K extends keyof T>(list: readonly T[], key: K): number =>
  list.reduce((n, x) => n + Number(x[key]), 0);

const readSources = (g: Handlers, names: readonly string[]): Promise<SourceSummary[]> =>
  Promise.all(names.map(async (s) => JSON.parse(await g.read(`${s}.summary`)) as SourceSummary));

const readCount = async (g: Handlers, names: readonly string[]): Promise<number> =>
  (await Promise.all(names.map((s) => g.read(`${s}.count`)))).reduce((n, x) => n + Number(x), 0);

/** Stop all sources and forget what was counted. */
export async function resetTrial(g: Handlers, plan: Pick<TrialPlan, 'sources' | 'sinks'>): Promise<void> {
  for (const s of plan.sources) await g.write(`${s}.active`, 'false');
  await drain(g, plan.sinks, Number.POSITIVE_INFINITY, 500);
  for (const s of plan.sources) await g.write(`${s}.reset`);
  for (const s of plan.sinks) await g.write(`${s}.reset`);
}

/** Wait until `want` packets have come, none came for a while, or the time is over. */
async function drain(g: Handlers, sinks: readonly string[], want: number, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  let last = -1;
  let quiet = 0;
  while (performance.now() < end && quiet < 5) {
    const count = await readCount(g, sinks);
    if (count >= want) return;
    quiet = count === last ? quiet + 1 : 0;
    last = count;
    await sleep(10);
  }
}

/** Run one trial. The generator's engine must be running. */
export async function runTrial(g: Handlers, plan: TrialPlan, progress?: Progress): Promise<Counts> {
  await resetTrial(g, plan);
  for (const [i, s] of plan.sources.entries()) {
    await g.write(`${s}.rate`, String(plan.rates[i] ?? 0));
    await g.write(`${s}.duration`, String(plan.durationS));
    if (plan.size) await g.write(`${s}.size`, plan.size);
  }
  const started = performance.now();
  await Promise.all(plan.sources.map((s) => g.write(`${s}.active`, 'true')));
  for (;;) {
    const left = plan.durationS * 1000 - (performance.now() - started);
    await sleep(Math.min(200, Math.max(5, left)), undefined, plan.signal ? { signal: plan.signal } : {});
    const active = await Promise.all(plan.sources.map((s) => g.read(`${s}.active`)));
    const [tx, rx] = await Promise.all([readCount(g, plan.sources), readCount(g, plan.sinks)]);
    progress?.({ elapsedS: (performance.now() - started) / 1000, durationS: plan.durationS, tx, rx });
    if (active.every((a) => a.trim() === 'false')) break;
    // A source that is never asked for packets does not notice that its time is over.
    if (performance.now() - started > plan.durationS * 1000 + 1000) {
      for (const s of plan.sources) await g.write(`${s}.active`, 'false');
      break;
    }
  }
  const sources = await readSources(g, plan.sources);
  await drain(g, plan.sinks, sum(sources, 'packets'), plan.drainMs ?? 1000);
  const histogram = emptyHistogram();
  const sinks: SinkSummary[] = [];
  for (const s of plan.sinks) {
    sinks.push(JSON.parse(await g.read(`${s}.summary`)) as SinkSummary);
    addBuckets(histogram, await g.read(`${s}.histogram`));
  }
  const keys = ['packets', 'bytes', 'lost', 'reordered', 'duplicates', 'late', 'foreign'] as const;
  const rx = Object.fromEntries(keys.map((k) => [k, sum(sinks, k)])) as unknown as SinkSummary;
  const elapsedNs = Math.max(...sources.map((s) => s.elapsedNs));
  return {
    tx: {
      active: false,
      packets: sum(sources, 'packets'),
      bytes: sum(sources, 'bytes'),
      missed: sum(sources, 'missed'),
      elapsedNs,
    },
    rx,
    durationS: elapsedNs / 1e9 || plan.durationS,
    histogram,
  };
}
