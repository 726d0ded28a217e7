/**
 * What the trials at one load say of it: RFC 9971 (Multiple Loss Ratio Search), appendices A (load classification) and
 * B (conditional throughput). Times are in seconds, ratios between 0 and 1.
 */

/** What a search asks of a load (RFC 9971, section 4.4.7, "Search Goal"). */
export interface Goal {
  name: string;
  /** Trials with more loss than this are high-loss trials. */
  lossRatio: number;
  /** Up to this share of the time measured may be in high-loss trials. */
  exceedRatio: number;
  /** The duration of full-length trials. */
  finalDurationS: number;
  /** This much time in full-length trials always decides. */
  durationSumS: number;
}

/** One trial, as far as a search cares. */
export interface Trial {
  /** Intended, packets a second. */
  load: number;
  /** Intended. */
  durationS: number;
  lossRatio: number;
  /** The part of the load that was not offered after all: no loss, but not forwarded either. */
  shortfall?: number;
}

export type Classification = 'lower' | 'upper' | 'undecided';

/** The quantities of RFC 9971's tables, by which a load is classified. */
export interface LoadSums {
  fullHighS: number;
  fullLowS: number;
  shortHighS: number;
  shortLowS: number;
  balancingS: number;
  positiveExcessS: number;
  effectiveHighS: number;
  effectiveFullS: number;
  effectiveWholeS: number;
  missingS: number;
  pessimisticHighS: number;
}

/** Sums of seconds stay exact to this, whatever fractions the durations are. */
const EPSILON_S = 1e-9;

/** Add up the trials of one load as the goal sees them. */
export function loadSums(goal: Goal, trials: readonly Trial[]): LoadSums {
  const sum = (full: boolean, high: boolean): number =>
    trials
      .filter((t) => t.durationS >= goal.finalDurationS === full && t.lossRatio > goal.lossRatio === high)
      .reduce((s, t) => s + t.durationS, 0);
  const fullHighS = sum(true, true);
  const fullLowS = sum(true, false);
  const shortHighS = sum(false, true);
  const shortLowS = sum(false, false);
  const balancingS = (shortLowS * goal.exceedRatio) / (1 - goal.exceedRatio);
  const positiveExcessS = Math.max(0, shortHighS - balancingS);
  const effectiveHighS = fullHighS + positiveExcessS;
  const effectiveFullS = effectiveHighS + fullLowS;
  const effectiveWholeS = Math.max(effectiveFullS, goal.durationSumS);
  const missingS = effectiveWholeS - effectiveFullS;
  return {
    fullHighS,
    fullLowS,
    shortHighS,
    shortLowS,
    balancingS,
    positiveExcessS,
    effectiveHighS,
    effectiveFullS,
    effectiveWholeS,
    missingS,
    pessimisticHighS: effectiveHighS + missingS,
  };
}

/** Whether a load meets the goal, fails it, or needs more trials. `trials` are all trials at that load. */
export function classify(goal: Goal, trials: readonly Trial[]): Classification {
  const s = loadSums(goal, trials);
  const tolerated = s.effectiveWholeS * goal.exceedRatio + EPSILON_S;
  if (s.effectiveHighS > tolerated) return 'upper';
  return s.pessimisticHighS <= tolerated ? 'lower' : 'undecided';
}

/**
 * The typical forwarding rate at a load that meets the goal, but no more than was forwarded in any trial: what the host
 * kept from being offered is no loss, and was not forwarded either. `trials` are all trials at that load, at least one.
 */
export function conditionalThroughput(goal: Goal, load: number, trials: readonly Trial[]): number {
  const full = trials
    .filter((t) => t.durationS >= goal.finalDurationS)
    .sort((a, b) => a.lossRatio - b.lossRatio);
  const measuredS = full.reduce((s, t) => s + t.durationS, 0);
  let remainingS = Math.max(goal.durationSumS, measuredS) * (1 - goal.exceedRatio);
  let loss: number | undefined;
  for (const t of full) {
    if (loss !== undefined && remainingS <= EPSILON_S) break;
    loss = t.lossRatio;
    remainingS -= t.durationS;
  }
  if (loss === undefined || remainingS > EPSILON_S) return 0; // what was not measured counts as lost
  const forwarded = Math.max(...full.map((t) => (1 - t.lossRatio) * (1 - (t.shortfall ?? 0))));
  return load * Math.min(1 - loss, forwarded);
}
