/** One measured trial: reset, send for a time, wait until everything in flight has come, then count. */

import { setTimeout as sleep } from 'node:timers/promises';
import { addBuckets, emptyHistogram, type LatencyHistogram } from './histogram.ts';
import type { HeldUpS, HostWatch } from './host-watch.ts';

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
  streams: SinkStream[];
}

/** What a sink knows of one stream. */
export interface SinkStream {
  stream: number;
  packets: number;
  bytes: number;
  lost: number;
  reordered: number;
  duplicates: number;
  late: number;
}

/** One stream in a trial: sent, received, and in which order. */
export interface StreamCounts extends Omit<SinkStream, 'bytes' | 'late'> {
  txPackets: number;
  /** False: its packets have no signature. `packets` are other frames, 0 if more than one stream is so. */
  tracked?: false;
}

/** Its sources are not the trial's own. */
export interface Ramp {
  sources: readonly string[];
  durationS: number;
  /** In the first half of it these send instead, faster: they use up what token buckets saved while nothing was sent. */
  prime?: { sources: readonly string[]; rates: readonly number[] };
}

export interface TrialPlan {
  sources: readonly string[];
  sinks: readonly string[];
  /** For each sink the counter of other frames; without ARP requests. */
  others?: readonly string[];
  /** Sources whose packets have no signature, by number: every other frame that comes counts as theirs. */
  untracked?: readonly number[];
  /** For each source the ToDevice that it sends to. */
  outputs?: readonly string[];
  /** Packets a second of each source; 0: as fast as they are taken. */
  rates: readonly number[];
  /** Frame sizes as PktgenSource takes them; undefined leaves them. */
  size?: string;
  durationS: number;
  /** Packets of each source, sent as fast as its rate says; then durationS only bounds the time. */
  limits?: readonly number[];
  /** Before the trial, without a pause: traffic at the trial's rates that is not counted. */
  ramp?: Ramp;
  /** After the last packet was sent: the trial is over when all have come or none came for this long. */
  drainMs?: number;
  /** Says how long the host kept generator and router from running. */
  watch?: HostWatch | undefined;
  /** Ends the trial early with an AbortError. */
  signal?: AbortSignal | undefined;
  /** Ends it early too, but with what was counted until then. */
  end?: AbortSignal | undefined;
}

export interface Counts {
  tx: SourceSummary;
  rx: SinkSummary;
  /** Of the longest of the sources. */
  durationS: number;
  histogram: LatencyHistogram;
  /** Of the packets that were missed, those due while the device had no room. */
  refused: number;
  /** Of those that were refused: while the host kept the router, or the generator, from running. */
  excused: number;
  heldUpS: HeldUpS | null;
  /** In the order of the sources. */
  streams: StreamCounts[];
  /** Where sources are untracked: frames that count as theirs, and how many of these were ARP requests. */
  untracked: { rxPackets: number; arpRequests: number } | null;
}

/** Called about five times a second with what was sent and received so far. */
export type Progress = (state: {
  elapsedS: number;
  durationS: number;
  tx: number;
  rx: number;
  /** Of all packets so far: how many were timed, and their mean latency. */
  latency: { count: number; meanNs: number } | null;
}) => void;

/** No packet of an earlier trial has come for this long when a new one begins. */
const QUIET_MS = 50;
const DRAIN_MS = 200;
/** Even a slow trickle ends. */
const DRAIN_LIMIT_MS = 60_000;

const sum = <T, K extends keyof T>(list: readonly T[], key: K): number =>
  list.reduce((n, x) => n + Number(x[key]), 0);

const readSources = (g: Handlers, names: readonly string[]): Promise<SourceSummary[]> =>
  Promise.all(names.map(async (s) => JSON.parse(await g.read(`${s}.summary`)) as SourceSummary));

/** How many packets of streams 0 to n - 1 have come. */
const readCounted = async (g: Handlers, sinks: readonly string[], n: number): Promise<number> =>
  (await Promise.all(sinks.map((s) => g.read(`${s}.streams`))))
    .flatMap((text) => JSON.parse(text) as { stream: number; packets: number }[])
    .reduce((sum, x) => (x.stream < n ? sum + x.packets : sum), 0);

const readCount = async (g: Handlers, names: readonly string[], handler = 'count'): Promise<number> =>
  (await Promise.all(names.map((s) => g.read(`${s}.${handler}`)))).reduce((n, x) => n + Number(x), 0);

/** Stop all sources and forget what was counted. */
export async function resetTrial(
  g: Handlers,
  plan: Pick<TrialPlan, 'sources' | 'sinks' | 'outputs' | 'ramp'>,
): Promise<void> {
  const sources = [...plan.sources, ...(plan.ramp?.sources ?? []), ...(plan.ramp?.prime?.sources ?? [])];
  for (const s of sources) await g.write(`${s}.active`, 'false');
  await drain(g, plan.sinks, undefined, QUIET_MS);
  for (const s of sources) await g.write(`${s}.reset`);
  for (const s of plan.sinks) await g.write(`${s}.reset`);
  for (const s of new Set(plan.outputs ?? [])) await g.write(`${s}.reset_counts`);
}

/** Wait until so many packets of the first streams have come, or none of any came for `quietMs`. */
async function drain(
  g: Handlers,
  sinks: readonly string[],
  want: { packets: number; streams: number } | undefined,
  quietMs: number,
  untracked = false,
): Promise<void> {
  const end = performance.now() + DRAIN_LIMIT_MS;
  let last = -1;
  let since = performance.now();
  while (performance.now() < end) {
    if (want && (await readCounted(g, sinks, want.streams)) >= want.packets) return;
    const count = (await readCount(g, sinks)) + (untracked ? await readCount(g, sinks, 'foreign') : 0);
    if (count !== last) since = performance.now();
    else if (performance.now() - since >= quietMs) return;
    last = count;
    await sleep(10);
  }
}

/** The mean latency so far, over all sinks. */
async function readLatency(g: Handlers, sinks: readonly string[]) {
  const each = await Promise.all(
    sinks.map(
      async (s) => JSON.parse(await g.read(`${s}.latency`)) as { count: number; mean: number } | null,
    ),
  );
  const count = each.reduce((n, x) => n + (x?.count ?? 0), 0);
  if (!count) return null;
  return { count, meanNs: each.reduce((n, x) => n + (x ? x.mean * x.count : 0), 0) / count };
}

/** The traffic before a trial; at the end its last sources still send. */
async function rampUp(g: Handlers, { sources, durationS, prime }: Ramp, signal: AbortSignal | undefined) {
  const wait = (s: number) => sleep(s * 1000, undefined, signal ? { signal } : {});
  const set = (names: readonly string[], active: boolean) =>
    names.map((s) => g.write(`${s}.active`, String(active)));
  if (prime) {
    await Promise.all(set(prime.sources, true));
    await wait(durationS / 2);
  }
  await Promise.all([...set(prime?.sources ?? [], false), ...set(sources, true)]);
  await wait(prime ? durationS / 2 : durationS);
}

/** Sleeps, unless the trial is to end: then it throws, or returns early. */
async function pause(
  milliseconds: number,
  { signal, end }: Pick<TrialPlan, 'signal' | 'end'>,
): Promise<void> {
  const first = signal ?? end;
  try {
    await sleep(milliseconds, undefined, first ? { signal: first } : {});
  } catch (e) {
    if (!end?.aborted) throw e;
  }
}

/** Run one trial. The generator's engine must be running. */
export async function runTrial(g: Handlers, plan: TrialPlan, progress?: Progress): Promise<Counts> {
  await resetTrial(g, plan);
  const ramp = plan.ramp && plan.ramp.durationS > 0 ? plan.ramp.sources : [];
  const prime = ramp.length ? plan.ramp!.prime : undefined;
  const setUp = async (names: readonly string[], rates: readonly number[]) => {
    for (const [i, s] of names.entries()) {
      await g.write(`${s}.rate`, String(rates[i] ?? 0));
      if (plan.size) await g.write(`${s}.size`, plan.size);
    }
  };
  await setUp(plan.sources, plan.rates);
  await setUp(ramp, plan.rates);
  if (prime) await setUp(prime.sources, prime.rates);
  for (const [i, s] of plan.sources.entries()) {
    await g.write(`${s}.duration`, String(plan.durationS));
    if (plan.limits) await g.write(`${s}.limit`, String(plan.limits[i] ?? -1));
  }
  if (ramp.length) await rampUp(g, plan.ramp!, plan.signal);
  const ended = plan.watch?.begin();
  const started = performance.now();
  await Promise.all([
    ...ramp.map((s) => g.write(`${s}.active`, 'false')),
    ...plan.sources.map((s) => g.write(`${s}.active`, 'true')),
  ]);
  for (;;) {
    const left = plan.durationS * 1000 - (performance.now() - started);
    await pause(Math.min(200, Math.max(5, left)), plan);
    const active = await Promise.all(plan.sources.map((s) => g.read(`${s}.active`)));
    if (progress) {
      const came = await Promise.all([
        readCount(g, plan.sinks),
        plan.untracked?.length ? readCount(g, plan.sinks, 'foreign') : 0,
      ]);
      const [tx, rx] = [await readCount(g, plan.sources), came[0] + came[1]];
      const latency = await readLatency(g, plan.sinks);
      const elapsedS = (performance.now() - started) / 1000;
      progress({ elapsedS, durationS: plan.durationS, tx, rx, latency });
    }
    if (active.every((a) => a.trim() === 'false')) break;
    // A source that is never asked for packets does not notice that its time is over.
    if (plan.end?.aborted || performance.now() - started > plan.durationS * 1000 + 1000) {
      for (const s of plan.sources) await g.write(`${s}.active`, 'false');
      break;
    }
  }
  const heldUpS = ended?.() ?? null;
  const sources = await readSources(g, plan.sources);
  const untracked = !!plan.untracked?.length;
  const want = untracked ? undefined : { packets: sum(sources, 'packets'), streams: sources.length };
  await drain(g, plan.sinks, want, plan.drainMs ?? DRAIN_MS, untracked);
  if (plan.limits) for (const s of plan.sources) await g.write(`${s}.limit`, '-1');
  return readCounts(g, plan, sources, heldUpS);
}

/** What a finished trial has counted. */
export async function readCounts(
  g: Handlers,
  plan: Pick<TrialPlan, 'sources' | 'sinks' | 'others' | 'untracked' | 'outputs' | 'rates' | 'durationS'>,
  given?: readonly SourceSummary[],
  heldUpS: HeldUpS | null = null,
): Promise<Counts> {
  const sources = given ?? (await readSources(g, plan.sources));
  const histogram = emptyHistogram();
  const sinks: SinkSummary[] = [];
  for (const s of plan.sinks) {
    sinks.push(JSON.parse(await g.read(`${s}.summary`)) as SinkSummary);
    addBuckets(histogram, await g.read(`${s}.histogram`));
  }
  // Streams beyond the sources are those of the ramp.
  const counted = sinks.flatMap((s) => s.streams).filter((x) => x.stream < sources.length);
  const keys = ['packets', 'bytes', 'lost', 'reordered', 'duplicates', 'late'] as const;
  const rx = Object.fromEntries(keys.map((k) => [k, sum(counted, k)])) as unknown as SinkSummary;
  const elapsedNs = Math.max(...sources.map((s) => s.elapsedNs));
  const outputNs = (handler: string) =>
    Promise.all((plan.outputs ?? []).map(async (d) => Number(await g.read(`${d}.${handler}`))));
  const [fullNs, stalledNs] = [await outputNs('full_time'), await outputNs('stalled_time')];
  const generatorNs = 1e9 * (heldUpS?.generator ?? 0);
  const routerNs = 1e9 * (heldUpS?.router ?? 0);
  let refused = 0;
  let excused = 0;
  for (const [i, s] of sources.entries()) {
    const due = (ns: number) => Math.round(((plan.rates[i] ?? 0) * ns) / 1e9);
    const all = Math.min(s.missed, due(fullNs[i] ?? 0));
    refused += all;
    // What was due while one side could not run; of the router's time only while its port was full for long.
    const excuse = due(generatorNs + Math.min(stalledNs[i] ?? 0, routerNs));
    excused += all - Math.min(all, Math.max(0, s.missed - excuse));
  }
  const foreign = sum(sinks, 'foreign');
  const numbers = plan.untracked ?? [];
  const untracked = numbers.length
    ? { rxPackets: foreign, arpRequests: foreign - (await readCount(g, plan.others ?? [])) }
    : null;
  if (untracked) {
    rx.packets += foreign;
    rx.bytes += await readCount(g, plan.others ?? [], 'byte_count');
  }
  const streams = sources.map((source, stream): StreamCounts => {
    if (numbers.includes(stream))
      return {
        stream,
        txPackets: source.packets,
        packets: numbers.length === 1 ? foreign : 0,
        lost: 0,
        reordered: 0,
        duplicates: 0,
        tracked: false,
      };
    const seen = counted.filter((x) => x.stream === stream);
    const of = (key: 'packets' | 'lost' | 'reordered' | 'duplicates') => sum(seen, key);
    return {
      stream,
      txPackets: source.packets,
      packets: of('packets'),
      lost: of('lost'),
      reordered: of('reordered'),
      duplicates: of('duplicates'),
    };
  });
  return {
    tx: {
      active: false,
      packets: sum(sources, 'packets'),
      bytes: sum(sources, 'bytes'),
      missed: sum(sources, 'missed'),
      elapsedNs,
    },
    rx: { ...rx, foreign, streams: counted },
    durationS: elapsedNs / 1e9 || plan.durationS,
    histogram,
    refused,
    excused,
    heldUpS,
    streams,
    untracked,
  };
}
