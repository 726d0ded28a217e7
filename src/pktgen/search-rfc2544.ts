/** The searches of RFC 2544, section 26, with the updates of RFC 9004 for back-to-back frames. No packets here. */

import type { Trial } from './search-classify.ts';
import type { Measure, MlrProgress } from './search-mlr.ts';
import { type Summary, summarize } from './stats.ts';

export interface ThroughputResult<T extends Trial> {
  /** The highest load without loss; 0: none. */
  throughput: number;
  /** The lowest load with loss; null: the highest load that could be offered had none. */
  failed: number | null;
  trials: T[];
}

export interface ThroughputOptions {
  minLoad: number;
  maxLoad: number;
  durationS: number;
  /** The search ends when loads are this close, relative to the higher one. */
  width: number;
}

/** Throughput (26.1): halving between a load with loss and one without. */
export async function throughput<T extends Trial>(
  o: ThroughputOptions,
  measure: Measure<T>,
  progress?: MlrProgress,
): Promise<ThroughputResult<T>> {
  const trials: T[] = [];
  let low = 0;
  let high: number | null = null;
  let load = Math.floor(o.maxLoad);
  for (;;) {
    const gap = high === null ? 1 : (high - low) / high;
    const left = 1 + Math.max(0, Math.ceil(Math.log2(gap / o.width)) - 1);
    progress?.({
      trials: trials.length,
      doneS: trials.length * o.durationS,
      leftS: left * o.durationS,
      next: { load, durationS: o.durationS },
    });
    const t = await measure(load, o.durationS);
    trials.push(t);
    if (t.lossRatio > 0) high = load;
    else low = load;
    if (high === null || (high - low) / high <= o.width || high - low <= 1) break;
    load = Math.floor((low + high) / 2);
    if (load < o.minLoad) break;
  }
  return { throughput: low, failed: high, trials };
}

export interface LossPoint<T extends Trial> {
  load: number;
  /** Of the repeated trials. */
  lossRatio: Summary;
  trials: T[];
}

/** Frame loss rate (26.3): 100 %, 90 %, ... of the highest load until two in a row have no loss. */
export async function lossCurve<T extends Trial>(
  o: { maxLoad: number; durationS: number; stepRatio: number; repeat: number },
  measure: Measure<T>,
): Promise<LossPoint<T>[]> {
  const points: LossPoint<T>[] = [];
  const steps = Math.round(1 / o.stepRatio);
  for (let i = steps, clean = 0; i > 0 && clean < 2; i--) {
    const load = Math.max(1, Math.round((o.maxLoad * i) / steps));
    const trials: T[] = [];
    for (let k = 0; k < o.repeat; k++) trials.push(await measure(load, o.durationS));
    clean = trials.every((t) => t.lossRatio === 0) ? clean + 1 : 0;
    points.push({ load, lossRatio: summarize(trials.map((t) => t.lossRatio)), trials });
  }
  return points;
}

export interface BackToBack {
  /** Frames of the longest burst without loss, of each repetition. */
  frames: Summary;
  /** The longest burst that was tried had no loss: there may be longer ones. */
  limited: boolean;
  /** Seconds that the buffers hold at the burst's rate (RFC 9004, section 6.4): as implied by the frames alone ... */
  impliedBufferS: number;
  /** ... and corrected for what was forwarded meanwhile. */
  correctedBufferS: number;
}

/** Sends a burst of frames at the highest rate; whether all of them came through. */
export type Burst = (frames: number) => Promise<boolean>;

/**
 * Back-to-back frames (26.4, RFC 9004): the longest burst at the highest rate without loss. null where throughput is
 * that rate already, as then no burst is too long.
 */
export async function backToBack(
  o: { maxLoad: number; throughput: number; maxFrames: number; repeat: number },
  burst: Burst,
): Promise<BackToBack | null> {
  if (o.throughput >= o.maxLoad) return null;
  const found: number[] = [];
  let limited = false;
  for (let k = 0; k < o.repeat; k++) {
    let low = 0;
    let high = o.maxFrames + 1;
    // The first length is near the one found before.
    let n = found.length ? Math.min(o.maxFrames, found.at(-1)! + 1) : Math.min(o.maxFrames, 64);
    while (high - low > 1) {
      if (await burst(n)) low = n;
      else high = n;
      n = high > o.maxFrames ? Math.min(o.maxFrames, Math.max(1, low * 2)) : (low + high) >> 1;
    }
    limited ||= low === o.maxFrames;
    found.push(low);
  }
  const frames = summarize(found);
  const impliedBufferS = frames.mean / o.maxLoad;
  return {
    frames,
    limited,
    impliedBufferS,
    correctedBufferS: impliedBufferS - (impliedBufferS * o.throughput) / o.maxLoad,
  };
}
