/** Trials as searches want them: a load and a duration in, loss and latency out. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { GeneratorGraph } from './graph.ts';
import { type LatencyUs, latencyCurve, latencyUs } from './histogram.ts';
import type { HeldUpS, HostWatch } from './host-watch.ts';
import type { Trial } from './search-classify.ts';
import { type Stream, shareOf } from './stream.ts';
import { type Counts, type Handlers, type Progress, runTrial, type StreamCounts } from './trial.ts';

/** A trial with all that was counted in it. */
export interface LoadTrial extends Trial {
  /** Measured. */
  elapsedS: number;
  txPackets: number;
  rxPackets: number;
  /** Packets that were due but not sent in time ... */
  missedPackets: number;
  /** ... and how many of them because the port of the router had no room. */
  refusedPackets: number;
  /** ... of these, while the host kept router or generator from running: no loss of the router's. */
  excusedPackets: number;
  heldUpS: HeldUpS | null;
  /** Trials that were made in vain before, because the host held up one side. */
  repeated: number;
  reordered: number;
  duplicates: number;
  latencyUs: LatencyUs | null;
  latencyCurve: { percentile: number; us: number }[];
  streams: StreamCounts[];
}

/** What can perform trials: a generator beside a router that runs, or both in simulated time. */
export interface Bed {
  /** `load`: packets a second of all streams together. */
  trial(load: number, durationS: number, how?: TrialKind): Promise<LoadTrial>;
}

export interface TrialKind {
  /** Send so many, and no more, without a ramp. */
  packets?: number;
  /** The ramp begins with an overload, so that nothing that was saved hides loss. */
  primed?: boolean;
}

/** The overload of a primed ramp: so many times the load of the trial. */
export const PRIME = 4;

/**
 * A port that is full refuses packets, so a router that is too slow shows as packets that could not be sent. They count
 * as lost, as RFC 9971 (section 4.8.1) recommends, once they are more than this share of the load. Packets that were
 * not sent although there was room are no loss: then the generator was held up by other work on the machine.
 */
export const REFUSED_TOLERANCE = 0.001;
/** A trial with loss in which the host held up the generator, or the router, for more of the packets than this is repeated. */
const HELD_UP_TOLERANCE = 0.01;
/** So is one without, of which more than this was not offered. */
const OFFERED_TOLERANCE = 0.05;
/** A load of which more than this was not offered was not shown to be borne: what is missing counts as lost after all. */
const SHORTFALL_TOLERANCE = 0.5;
/** So many repetitions in all, and of one trial. */
const REPETITIONS = 24;
const REPETITIONS_EACH = 3;
/** After so many trials on end that stayed disturbed there are none until one is not: the machine is busy all the time. */
const IN_VAIN = 2;
/** Where the host took more than this share of the time, it is given time to come to rest: twice as long each time. */
const SEVERE = 0.1;
const REST_MS = 500;
/** Shorter delays of a thread are part of any system. */
const STALL_S = 0.001;

/** The share of the packets that were sent, or refused by the router's port, that did not come through. */
export function trialLoss(tx: number, rx: number, refused: number): number {
  const lost = Math.max(0, tx - rx);
  const counted = refused > REFUSED_TOLERANCE * (tx + refused) ? refused : 0;
  return tx + counted > 0 ? (lost + counted) / (tx + counted) : 1;
}

/** The share of each stream in the load: as their rates are to each other, or their weights if any has no rate. */
export function shares(streams: readonly Pick<Stream, 'rate' | 'weight'>[]): number[] {
  const total = streams.reduce((n, s) => n + s.rate, 0);
  return streams.every((s) => s.rate > 0) ? streams.map((s) => s.rate / total) : shareOf(streams);
}

/** Distribute packets without losing any to rounding. */
export function split(packets: number, parts: readonly number[]): number[] {
  let before = 0;
  let sum = 0;
  return parts.map((p) => {
    sum += p;
    const upTo = Math.round(packets * sum);
    const n = upTo - before;
    before = upTo;
    return n;
  });
}

export function loadTrial(load: number, durationS: number, c: Counts): LoadTrial {
  return {
    load,
    durationS,
    lossRatio: trialLoss(c.tx.packets, c.rx.packets, c.refused - c.excused),
    elapsedS: c.durationS,
    txPackets: c.tx.packets,
    rxPackets: c.rx.packets,
    missedPackets: c.tx.missed,
    refusedPackets: c.refused,
    excusedPackets: c.excused,
    heldUpS: c.heldUpS,
    repeated: 0,
    reordered: c.rx.reordered,
    duplicates: c.rx.duplicates,
    latencyUs: latencyUs(c.histogram),
    latencyCurve: latencyCurve(c.histogram),
    streams: c.streams,
  };
}

export interface BedOptions {
  size?: string | undefined;
  /** Traffic that is not counted, directly before each trial. */
  rampS: number;
  /** No ramp sends faster. */
  maxLoad: number;
  /** See TrialPlan. */
  drainMs: number;
  watch?: HostWatch | undefined;
  signal?: AbortSignal | undefined;
  progress?: Progress | undefined;
}

interface Disturbed extends Pick<LoadTrial, 'txPackets' | 'missedPackets' | 'refusedPackets'> {
  excusedPackets?: number | undefined;
  heldUpS?: HeldUpS | null | undefined;
  load?: number;
  lossRatio?: number;
}

/** The share of the packets that were not sent, although there was room or because the host held up the router. */
export const heldUp = (t: Disturbed): number =>
  t.txPackets + t.missedPackets > 0
    ? (t.missedPackets - t.refusedPackets + (t.excusedPackets ?? 0)) / (t.txPackets + t.missedPackets)
    : 0;

/** The loss of a trial may come from nothing but the host: it is no more than what was due while a side was held up. */
function lossOfHost(t: Disturbed): boolean {
  const seconds = (t.heldUpS?.generator ?? 0) + (t.heldUpS?.router ?? 0);
  const lost = (t.lossRatio ?? 0) * (t.txPackets + t.missedPackets);
  return lost > 0 && seconds > STALL_S && lost <= (t.load ?? 0) * seconds;
}

/** Whether the load is borne cannot be told: what is missing may be the host's. Where all came that was sent, it is. */
const undecided = (t: LoadTrial): boolean =>
  wasHeldUp(t) && (t.lossRatio > 0 || heldUp(t) > OFFERED_TOLERANCE);

/** The host took much of the time from one side. */
const severe = (t: LoadTrial): boolean =>
  Math.max(t.heldUpS?.generator ?? 0, t.heldUpS?.router ?? 0) > SEVERE * t.elapsedS;

export const wasHeldUp = (t: Disturbed): boolean => heldUp(t) > HELD_UP_TOLERANCE || lossOfHost(t);

/** Trials with a generator that runs beside the router. */
export function liveBed(
  generator: Handlers,
  graph: GeneratorGraph,
  streams: readonly Stream[],
  o: BedOptions,
): Bed {
  const parts = shares(streams);
  let left = REPETITIONS;
  /** Trials on end of which all repetitions were in vain. */
  let vain = 0;
  const primeAt = (load: number) => ({
    sources: graph.primeSources,
    rates: parts.map((p) => p * Math.min(PRIME * load, Math.max(load, o.maxLoad))),
  });
  const attempt = async (load: number, durationS: number, how: TrialKind): Promise<LoadTrial> => {
    const { packets, primed } = how;
    const counts = await runTrial(
      generator,
      {
        sources: graph.sources,
        sinks: graph.sinks,
        outputs: graph.outputs,
        rates: parts.map((p) => p * load),
        durationS,
        ramp: {
          sources: graph.rampSources,
          durationS: packets === undefined ? o.rampS : 0,
          ...(primed ? { prime: primeAt(load) } : {}),
        },
        drainMs: o.drainMs,
        watch: o.watch,
        signal: o.signal,
        ...(o.size === undefined ? {} : { size: o.size }),
        ...(packets === undefined ? {} : { limits: split(packets, parts) }),
      },
      o.progress,
    );
    return loadTrial(load, durationS, counts);
  };
  return {
    async trial(load, durationS, how = {}) {
      let best = await attempt(load, durationS, how);
      let again = 0;
      for (; undecided(best) && again < REPETITIONS_EACH && left > 0 && vain < IN_VAIN; again++) {
        left--;
        if (severe(best)) await sleep(REST_MS * 2 ** again, undefined, o.signal ? { signal: o.signal } : {});
        const t = await attempt(load, durationS, how);
        // Loss that does not come again is not the load's.
        if (t.lossRatio < best.lossRatio || (t.lossRatio === best.lossRatio && heldUp(t) < heldUp(best)))
          best = t;
      }
      if (!undecided(best)) vain = 0;
      else if (again === REPETITIONS_EACH) vain++;
      const shortfall = heldUp(best);
      const lossRatio =
        shortfall > SHORTFALL_TOLERANCE ? Math.max(best.lossRatio, shortfall) : best.lossRatio;
      return { ...best, lossRatio, shortfall, repeated: again };
    },
  };
}
