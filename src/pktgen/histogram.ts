/** Latency histograms as the sinks print them: merging and percentiles, with HdrHistogram's buckets. */

import { build, type Histogram } from 'hdr-histogram-js';

/** A mergeable latency histogram: ns, three significant digits. */
export type LatencyHistogram = Histogram;

export function emptyHistogram(): LatencyHistogram {
  return build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: 2 ** 34,
    numberOfSignificantValueDigits: 3,
    autoResize: true,
  });
}

/** Add what handler `histogram` of a PktgenSink printed: lines `VALUE COUNT`. */
export function addBuckets(h: LatencyHistogram, text: string): LatencyHistogram {
  for (const line of text.split('\n')) {
    const [value, count] = line.split(' ');
    if (count) h.recordValueWithCount(Number(value), Number(count));
  }
  return h;
}

export interface LatencyUs {
  min: number;
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  p9999: number;
  max: number;
  mean: number;
}

const us = (ns: number): number => Math.round(ns) / 1000;

/** Percentiles in microseconds; null if nothing was recorded. */
export function latencyUs(h: LatencyHistogram): LatencyUs | null {
  if (!h.totalCount) return null;
  // A bucket is named by its upper end, which may lie beyond the largest value in it.
  const at = (p: number) => us(Math.min(h.maxValue, h.getValueAtPercentile(p)));
  return {
    min: us(h.minNonZeroValue),
    p50: at(50),
    p90: at(90),
    p99: at(99),
    p999: at(99.9),
    p9999: at(99.99),
    max: us(h.maxValue),
    mean: us(h.mean),
  };
}

/** Points of the latency curve for plots: percentile and microseconds, denser towards the end. */
export function latencyCurve(h: LatencyHistogram): { percentile: number; us: number }[] {
  const points: { percentile: number; us: number }[] = [];
  if (!h.totalCount) return points;
  for (let nines = 0; nines <= 6; nines += 0.05) {
    const beyond = 10 ** -nines;
    if (beyond * h.totalCount < 0.5) break;
    const percentile = 100 * (1 - beyond);
    points.push({ percentile, us: us(Math.min(h.maxValue, h.getValueAtPercentile(percentile))) });
  }
  return points;
}
