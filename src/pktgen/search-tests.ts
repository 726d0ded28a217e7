/** The six tests of RFC 2544, section 26, one after the other. */

import type { LatencyAt, Rfc2544Json, SearchSize, SearchTrial } from './schema-search.ts';
import { type SearchOptions, type SearchSite, searchTrial } from './search.ts';
import { backToBack, lossCurve, throughput } from './search-rfc2544.ts';
import { summarize } from './stats.ts';
import { isIp6, type Stream } from './stream.ts';
import type { LoadTrial } from './trials.ts';

/** Tests that watch a running router; a bed that cannot do one leaves it out. */
export interface Rfc2544Site {
  /** Seconds from the change to `reduced` until the last packet was lost (null: there was no end), and how exactly. */
  recovery?(
    overload: number,
    reduced: number,
    durationS: number,
  ): Promise<{ seconds: number | null; resolutionS: number }>;
  /** Restart the router under a load: seconds without forwarding. */
  reset?(load: number): Promise<{ byLossS: number; byTimeS: number; resolutionS: number }>;
}

/** RFC 2544, section 26.4: bursts of at least 2 s. */
const BURST_S = 2;
const STEP = 0.1;

type Found = Omit<
  SearchSize,
  'size' | 'minLoadPps' | 'maxLoadPps' | 'generatorMaxPps' | 'generatorLimited' | 'heldUpTrials'
>;

export async function rfc2544Tests(
  o: SearchOptions,
  range: { minLoad: number; maxLoad: number },
  site: SearchSite,
): Promise<Found> {
  const all: SearchTrial[] = [];
  const measure = async (load: number, durationS: number, primed = true): Promise<LoadTrial> => {
    const t = await site.bed.trial(load, durationS, { primed });
    all.push(searchTrial(t, 0));
    return t;
  };
  const wanted = (name: string) => o.tests.includes(name as (typeof o.tests)[number]);
  const say = (text: string) => site.step(`size ${site.size}: ${text}`);
  const skipped: Rfc2544Json['skipped'] = [];

  // Every other test but the loss curve needs the throughput.
  say('throughput');
  const found = await throughput({ ...range, durationS: o.durationS, width: o.width }, measure, site.overall);
  const pps = found.throughput;
  const result: Rfc2544Json = {
    throughputPps: pps,
    failedPps: found.failed,
    lossCurve: null,
    backToBack: null,
    recovery: null,
    reset: null,
    skipped,
  };
  const needsThroughput = (name: string): boolean => {
    if (wanted(name) && !pps) skipped.push({ test: name, why: 'no load was without loss' });
    return wanted(name) && pps > 0;
  };

  const latency: LatencyAt[] = [];
  if (needsThroughput('latency')) {
    say('latency at the throughput');
    latency.push(await latencyAt(pps, o, (load, durationS) => measure(load, durationS, false)));
  }
  if (wanted('loss')) {
    say('frame loss rate');
    const points = await lossCurve(
      { maxLoad: range.maxLoad, durationS: o.durationS, stepRatio: STEP, repeat: o.repeat },
      measure,
    );
    result.lossCurve = points.map((p) => ({ load: p.load, lossRatio: p.lossRatio }));
  }
  if (wanted('back-to-back')) {
    say('back-to-back frames');
    const maxLoad = Math.floor(range.maxLoad);
    const b = await backToBack(
      { maxLoad, throughput: pps, maxFrames: Math.ceil(maxLoad * BURST_S), repeat: o.repeat },
      async (frames) => {
        const t = await site.bed.trial(maxLoad, frames / maxLoad + 1, { packets: frames });
        return t.rxPackets === frames;
      },
    );
    if (b) result.backToBack = b;
    else skipped.push({ test: 'back-to-back', why: 'the highest rate is forwarded without loss' });
  }
  if (needsThroughput('recovery')) {
    const overload = Math.min(range.maxLoad, 1.1 * pps);
    if (!site.recovery) skipped.push({ test: 'recovery', why: 'needs a router in real time' });
    else if (overload <= pps) skipped.push({ test: 'recovery', why: 'the router cannot be overloaded' });
    else {
      say('system recovery');
      const runs = [];
      for (let k = 0; k < o.repeat; k++)
        runs.push(await site.recovery(overload, 0.5 * overload, o.durationS));
      const over = runs.flatMap((r) => r.seconds ?? []);
      if (over.length < runs.length)
        skipped.push({
          test: 'recovery',
          why: `in ${runs.length - over.length} of ${runs.length} trials packets were still lost 10 s after the overload`,
        });
      if (over.length)
        result.recovery = {
          overloadPps: overload,
          reducedPps: 0.5 * overload,
          seconds: summarize(over),
          resolutionS: Math.max(...runs.map((r) => r.resolutionS)),
        };
    }
  }
  if (needsThroughput('reset')) {
    if (!site.reset)
      skipped.push({ test: 'reset', why: 'needs a router that can be restarted, in real time' });
    else {
      say('reset');
      const runs = [];
      for (let k = 0; k < o.repeat; k++) runs.push(await site.reset(pps));
      result.reset = {
        load: pps,
        byLossS: summarize(runs.map((r) => r.byLossS)),
        byTimeS: summarize(runs.map((r) => r.byTimeS)),
        resolutionS: Math.max(...runs.map((r) => r.resolutionS)),
      };
    }
  }
  return { ndrPps: pps, pdrPps: null, goals: [], trials: all, latency, repeats: null, rfc2544: result };
}

/** Latency at the throughput (26.2), summed up as RFC 8219, section 7.2 does. */
async function latencyAt(
  load: number,
  o: SearchOptions,
  measure: (load: number, durationS: number) => Promise<LoadTrial>,
): Promise<LatencyAt> {
  const trials: LoadTrial[] = [];
  for (let k = 0; k < o.repeat; k++) trials.push(await measure(load, o.durationS));
  const timed = trials.filter((t) => t.latencyUs !== null);
  const of = (f: (l: NonNullable<LoadTrial['latencyUs']>) => number) =>
    summarize(timed.map((t) => f(t.latencyUs!)));
  const last = trials.at(-1)!;
  return {
    load,
    label: 'throughput',
    lossRatio: last.lossRatio,
    latencyUs: last.latencyUs,
    curve: last.latencyCurve,
    repeats: timed.length
      ? { typicalUs: of((l) => l.p50), worstUs: of((l) => l.p999), pdvUs: of((l) => l.p999 - l.min) }
      : null,
  };
}

/** Where a search departs from what its documents say, as RFC 9971 (section 4.2.3) asks to state. */
export function deviationsOf(
  o: SearchOptions,
  streams: readonly Stream[],
): { standards: string[]; deviations: string[] } {
  const deviations: string[] = [];
  const less = (what: string, have: number, want: number, unit: string) => {
    if (have < want) deviations.push(`${what} ${have}${unit} instead of ${want}${unit}`);
  };
  less('after each trial, packets are waited for until none came for', o.drainS, 2, ' s');
  deviations.push('no pause of 5 s between trials; addresses are learnt once, before the search');
  if (o.method === 'rfc2544') {
    less('trials of', o.durationS, 60, ' s');
    const test = (name: string) => o.tests.includes(name as (typeof o.tests)[number]);
    if (test('latency')) {
      less('latency trials of', o.durationS, 120, ' s');
      less('latency trials:', o.repeat, 20, '');
    }
    if (test('back-to-back')) less('back-to-back searches:', o.repeat, 50, '');
    if (test('latency')) deviations.push('latency of every packet, not of one in a trial');
  }
  const standards = o.method === 'mlr' ? ['RFC 9971'] : ['RFC 2544', 'RFC 9004', 'RFC 6201'];
  if (streams.some(isIp6)) standards.push('RFC 5180', 'RFC 8219');
  return { standards, deviations };
}
