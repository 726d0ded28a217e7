/** A search for each size, from its options to what it found. */

import type { GoalJson, LatencyAt, SearchResult, SearchSize, SearchTrial } from './schema-search.ts';
import { type MlrGoal, type MlrProgress, mlrSearch } from './search-mlr.ts';
import { deviationsOf, type Rfc2544Site, rfc2544Tests } from './search-tests.ts';
import { summarize } from './stats.ts';
import type { Stream } from './stream.ts';
import { type Bed, type LoadTrial, wasHeldUp } from './trials.ts';

export const TESTS = ['throughput', 'latency', 'loss', 'back-to-back', 'recovery', 'reset'] as const;
export type TestName = (typeof TESTS)[number];

export interface SearchOptions {
  method: 'mlr' | 'rfc2544';
  /** Of a full-length trial. */
  durationS: number;
  /** MLRsearch: of the first trials. */
  initialDurationS: number;
  /** MLRsearch: time in full-length trials that always decides on a load. */
  durationSumS: number;
  exceedRatio: number;
  /** The loss that PDR allows; NDR allows none. */
  lossRatio: number;
  width: number;
  /** Whole searches (MLRsearch), or trials for each figure (RFC 2544). */
  repeat: number;
  /** undefined: what the generator can do alone. */
  maxLoad: number | undefined;
  /** undefined: 1000, and a tenth of what is forwarded at most. */
  minLoad: number | undefined;
  rampS: number;
  drainS: number;
  /** RFC 2544. */
  tests: readonly TestName[];
}

export const SEARCH_DEFAULTS: SearchOptions = {
  method: 'mlr',
  durationS: 1,
  initialDurationS: 1,
  durationSumS: 5,
  exceedRatio: 0.5,
  lossRatio: 0.005,
  width: 0.005,
  repeat: 1,
  maxLoad: undefined,
  minLoad: undefined,
  rampS: 0.5,
  drainS: 0.2,
  tests: TESTS,
};

/** What a search is told about the place it runs in. */
export interface SearchSite extends Rfc2544Site {
  bed: Bed;
  size: string;
  streams: readonly Stream[];
  /** What the generator can do alone; null: not known. */
  generatorMaxPps: number | null;
  /** Packets a second that came through at the highest rate, where that was tried. */
  forwarded?: number | undefined;
  step(text: string): void;
  overall?: MlrProgress | undefined;
}

export const goalsOf = (o: SearchOptions): MlrGoal[] => {
  const both = {
    exceedRatio: o.exceedRatio,
    initialDurationS: o.initialDurationS,
    finalDurationS: o.durationS,
    durationSumS: o.durationSumS,
    width: o.width,
  };
  return [
    { name: 'NDR', lossRatio: 0, ...both },
    { name: 'PDR', lossRatio: o.lossRatio, ...both },
  ];
};

export const searchTrial = (t: LoadTrial, run: number): SearchTrial => ({
  load: t.load,
  durationS: t.durationS,
  lossRatio: t.lossRatio,
  txPackets: t.txPackets,
  rxPackets: t.rxPackets,
  missedPackets: t.missedPackets,
  refusedPackets: t.refusedPackets,
  excusedPackets: t.excusedPackets,
  heldUpS: t.heldUpS,
  repeated: t.repeated,
  reordered: t.reordered,
  duplicates: t.duplicates,
  latencyP50Us: t.latencyUs?.p50 ?? null,
  latencyP99Us: t.latencyUs?.p99 ?? null,
  run,
});

const MIN_LOAD = 1000;
/** Unless told otherwise no search looks below this share of the highest rate forwarded. */
const FLOOR = 0.1;

/** The generator cannot tell a router from itself beyond this share of its own limit. */
const LIMITED = 0.9;

export const sizeOf = (label: string): number | string => (/^\d+$/.test(label) ? Number(label) : label);

/** Search at one size. */
export async function searchSize(o: SearchOptions, site: SearchSite): Promise<SearchSize> {
  const maxLoad = o.maxLoad ?? site.generatorMaxPps ?? site.forwarded;
  if (!maxLoad) throw new Error('no highest load is known: give --max-load');
  const range = { minLoad: Math.min(o.minLoad ?? MIN_LOAD, maxLoad), maxLoad };
  const base = {
    size: sizeOf(site.size),
    minLoadPps: range.minLoad,
    maxLoadPps: Math.floor(maxLoad),
    generatorMaxPps: site.generatorMaxPps,
  };
  const limited = (pps: number) => site.generatorMaxPps !== null && pps > LIMITED * site.generatorMaxPps;
  if (o.method === 'rfc2544') {
    const found = await rfc2544Tests(o, range, site);
    return {
      ...base,
      ...found,
      generatorLimited: limited(found.ndrPps),
      heldUpTrials: found.trials.filter(wasHeldUp).length,
    };
  }
  const goals: GoalJson[] = [];
  const trials: SearchTrial[] = [];
  for (let run = 0; run < o.repeat; run++) {
    const again = o.repeat > 1 ? `, search ${run + 1} of ${o.repeat}` : '';
    site.step(`size ${site.size}${again}: searching for NDR and PDR`);
    const first = site.forwarded ? { firstLoad: site.forwarded } : {};
    const r = await mlrSearch(
      { goals: goalsOf(o), ...range, ...first, floorRatio: o.minLoad === undefined ? FLOOR : 0 },
      (load, durationS) => site.bed.trial(load, durationS, { primed: true }),
      site.overall,
    );
    trials.push(...r.trials.map((t) => searchTrial(t, run)));
    for (const g of r.goals)
      goals.push({
        ...g.goal,
        regular: g.regular,
        why: g.why ?? null,
        lowerPps: g.lower,
        upperPps: g.upper,
        throughputPps: g.throughput,
        run,
      });
  }
  const of = (name: string) => goals.filter((g) => g.name === name).map((g) => g.throughputPps);
  const ndr = summarize(of('NDR'));
  const pdr = summarize(of('PDR'));
  return {
    ...base,
    ndrPps: ndr.median,
    pdrPps: pdr.median,
    generatorLimited: limited(Math.max(ndr.median, pdr.median)),
    heldUpTrials: trials.filter(wasHeldUp).length,
    goals,
    trials,
    latency: await latencies(
      o,
      site,
      ndr.median > 0 ? ndr.median : pdr.median,
      ndr.median > 0 ? 'NDR' : 'PDR',
    ),
    repeats: o.repeat > 1 ? { ndr, pdr } : null,
    rfc2544: null,
  };
}

/** Latency at the rate found and well below it. */
async function latencies(
  o: SearchOptions,
  site: SearchSite,
  pps: number,
  name: string,
): Promise<LatencyAt[]> {
  const list: LatencyAt[] = [];
  if (pps < 1) return list;
  for (const share of [1, 0.5, 0.1]) {
    const label = share === 1 ? name : `${share * 100} % of ${name}`;
    site.step(`size ${site.size}: latency at ${label}`);
    const t = await site.bed.trial(Math.max(1, Math.floor(pps * share)), o.durationS);
    list.push({
      load: t.load,
      label,
      lossRatio: t.lossRatio,
      latencyUs: t.latencyUs,
      curve: t.latencyCurve,
      repeats: null,
    });
  }
  return list;
}

/** All sizes together, with what a reader must know to compare them. */
export function searchResult(
  o: SearchOptions,
  streams: readonly Stream[],
  sizes: readonly SearchSize[],
): SearchResult {
  return {
    method: o.method,
    ndrPps: sizes[0]!.ndrPps,
    pdrPps: sizes[0]!.pdrPps,
    sendingPorts: new Set(streams.map((s) => s.from)).size,
    rampS: o.rampS,
    drainS: o.drainS,
    ...deviationsOf(o, streams),
    sizes: [...sizes],
  };
}
