/** Repeated measurements summed up: mean, spread and a confidence interval. */

import { mean, quantileSorted, sampleStandardDeviation } from 'simple-statistics';

export interface Summary {
  /** How many values. */
  n: number;
  mean: number;
  median: number;
  min: number;
  max: number;
  /** Percentiles 1 and 99, which RFC 8219 (section 7) reports beside the median. */
  p1: number;
  p99: number;
  /** Sample standard deviation; null for a single value. */
  sd: number | null;
  /** 95 % confidence interval of the mean (Student's t); null for a single value. */
  ci95: { low: number; high: number } | null;
}

/** Student's t for 95 % two-sided, by degrees of freedom from 1 on. */
const T95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** Beyond the table: the first two terms of Cornish and Fisher's expansion around the normal distribution. */
export function t95(degrees: number): number {
  const z = 1.959964;
  return T95[degrees - 1] ?? z + (z ** 3 + z) / (4 * degrees);
}

/** `values`: at least one. */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  const m = mean(sorted);
  const sd = n > 1 ? sampleStandardDeviation(sorted) : null;
  const half = sd === null ? 0 : (t95(n - 1) * sd) / Math.sqrt(n);
  return {
    n,
    mean: m,
    median: quantileSorted(sorted, 0.5),
    min: sorted[0]!,
    max: sorted[n - 1]!,
    p1: quantileSorted(sorted, 0.01),
    p99: quantileSorted(sorted, 0.99),
    sd,
    ci95: sd === null ? null : { low: m - half, high: m + half },
  };
}
