/** Trials as searches want them: a load and a duration in, loss and latency out. */

import type { GeneratorGraph } from './graph.ts';
import { type LatencyUs, latencyCurve, latencyUs } from './histogram.ts';
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
  reordered: number;
  duplicates: number;
  latencyUs: LatencyUs | null;
  latencyCurve: { percentile: number; us: number }[];
  streams: StreamCounts[];
}

/** What can perform trials: a generator beside a router that runs, or both in simulated time. */
export interface Bed {
  /** `load`: packets a second of all streams together. `packets`: send so many, and no more. */
  trial(load: number, durationS: number, packets?: number): Promise<LoadTrial>;
}

/**
 * A port that is full refuses packets, so a router that is too slow shows as packets that could not be sent. They count
 * as lost, as RFC 9971 (section 4.8.1) recommends, once they are more than this share of the load. Packets that were
 * not sent although there was room are no loss: then the generator was held up by other work on the machine.
 */
export const REFUSED_TOLERANCE = 0.001;
/** A trial in which the generator was held up for more of its packets than this is repeated. */
const HELD_UP_TOLERANCE = 0.01;
/** So many repetitions in all: on a machine that is always busy they do not help. */
const REPETITIONS = 8;

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
    lossRatio: trialLoss(c.tx.packets, c.rx.packets, c.refused),
    elapsedS: c.durationS,
    txPackets: c.tx.packets,
    rxPackets: c.rx.packets,
    missedPackets: c.tx.missed,
    refusedPackets: c.refused,
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
  /** See TrialPlan. */
  drainMs: number;
  signal?: AbortSignal | undefined;
  progress?: Progress | undefined;
}

/** The share of the packets that the generator did not send although there was room. */
export const heldUp = (t: Pick<LoadTrial, 'txPackets' | 'missedPackets' | 'refusedPackets'>): number =>
  t.txPackets + t.missedPackets > 0
    ? (t.missedPackets - t.refusedPackets) / (t.txPackets + t.missedPackets)
    : 0;

export const wasHeldUp = (t: Parameters<typeof heldUp>[0]): boolean => heldUp(t) > HELD_UP_TOLERANCE;

/** Trials with a generator that runs beside the router. */
export function liveBed(
  generator: Handlers,
  graph: GeneratorGraph,
  streams: readonly Stream[],
  o: BedOptions,
): Bed {
  const parts = shares(streams);
  let left = REPETITIONS;
  const attempt = async (load: number, durationS: number, packets?: number): Promise<LoadTrial> => {
    const counts = await runTrial(
      generator,
      {
        sources: graph.sources,
        sinks: graph.sinks,
        outputs: graph.outputs,
        rates: parts.map((p) => p * load),
        durationS,
        ramp: { sources: graph.rampSources, durationS: packets === undefined ? o.rampS : 0 },
        drainMs: o.drainMs,
        signal: o.signal,
        ...(o.size === undefined ? {} : { size: o.size }),
        ...(packets === undefined ? {} : { limits: split(packets, parts) }),
      },
      o.progress,
    );
    return loadTrial(load, durationS, counts);
  };
  return {
    async trial(load, durationS, packets) {
      let best = await attempt(load, durationS, packets);
      while (wasHeldUp(best) && left > 0) {
        left--;
        const t = await attempt(load, durationS, packets);
        if (heldUp(t) < heldUp(best)) best = t;
        else break;
      }
      return best;
    },
  };
}
