/**
 * Multiple Loss Ratio Search, RFC 9971: several goals in one search. This is its Controller: it chooses loads and
 * durations of trials, and says which loads meet each goal. It knows nothing of packets.
 */

import {
  type Classification,
  classify,
  conditionalThroughput,
  type Goal,
  type Trial,
} from './search-classify.ts';

export interface MlrGoal extends Goal {
  /** The shortest trials, with which the search begins. */
  initialDurationS: number;
  /** The bounds may be this far apart, relative to the upper one. */
  width: number;
}

export interface MlrOptions {
  goals: readonly MlrGoal[];
  /** Packets a second; no trial is outside. */
  minLoad: number;
  maxLoad: number;
  /**
   * No trial is below this share of the highest rate forwarded in the first trials either. Trials of few packets say
   * little, and one that fails by chance outweighs all higher loads.
   */
  floorRatio?: number;
  /** Where the search begins if something is known; otherwise at maxLoad. */
  firstLoad?: number;
  /** Coarser targets before each goal. */
  precedingTargets?: number;
  /** The search ends unfinished after this many trials. */
  maxTrials?: number;
}

/** Performs one trial (RFC 9971's Measurer). What else it returns is kept. */
export type Measure<T extends Trial = Trial> = (load: number, durationS: number) => Promise<T>;

export interface GoalResult {
  goal: MlrGoal;
  /** Both bounds were found, as close as the goal asks (RFC 9971: a Regular Goal Result). */
  regular: boolean;
  /** Why it is not regular. */
  why?: string;
  /** The highest load that meets the goal, below all that fail it; null: none. */
  lower: number | null;
  /** The lowest load that fails the goal; null: none, the device met it at maxLoad. */
  upper: number | null;
  /** Packets a second typically forwarded at `lower`; 0 without one. */
  throughput: number;
}

export interface MlrResult<T extends Trial> {
  goals: GoalResult[];
  /** In the order in which they were made. */
  trials: T[];
}

/**
 * How far a search is, for displays. `doneS`, `leftS`: seconds in trials, without what is between them. What is left is
 * what would be needed if no trial to come surprised.
 */
export type MlrProgress = (state: {
  trials: number;
  doneS: number;
  leftS: number;
  next: Pick<Trial, 'load' | 'durationS'>;
}) => void;

/** Early targets are this much wider than the next. */
const WIDENING = 2;
const PRECEDING = 2;
const MAX_TRIALS = 1000;

/** The targets of a goal, from the first and coarsest to the goal itself. */
export function targetsOf(goal: MlrGoal, preceding: number): MlrGoal[] {
  const between = (first: number, last: number, i: number): number =>
    preceding === 0 || i === preceding ? last : first * (last / first) ** (i / preceding);
  return Array.from({ length: preceding + 1 }, (_, i) => {
    const finalDurationS = between(goal.initialDurationS, goal.finalDurationS, i);
    return {
      ...goal,
      finalDurationS,
      durationSumS: Math.max(finalDurationS, between(goal.initialDurationS, goal.durationSumS, i)),
      width: Math.min(0.5, goal.width * WIDENING ** (preceding - i)),
    };
  });
}

const relative = (lower: number, upper: number): number => (upper - lower) / upper;

interface Bounds {
  /** Without an upper bound: the highest load that meets the goal. */
  lower: number | null;
  upper: number | null;
}

/** All trials so far, by load. */
class Trials<T extends Trial> {
  readonly all: T[] = [];
  readonly #byLoad = new Map<number, T[]>();

  add(t: T): void {
    this.all.push(t);
    const list = this.#byLoad.get(t.load);
    if (list) list.push(t);
    else this.#byLoad.set(t.load, [t]);
  }

  at(load: number): readonly T[] {
    return this.#byLoad.get(load) ?? [];
  }

  /** The number of the last trial at a load. */
  lastAt(load: number): number {
    return this.all.reduce((last, t, i) => (t.load === load ? i : last), -1);
  }

  /** Ascending. */
  loads(): number[] {
    return [...this.#byLoad.keys()].sort((a, b) => a - b);
  }

  classify(goal: Goal, load: number): Classification {
    return classify(goal, this.at(load));
  }

  /** RFC 9971, sections 4.6.1 and 4.6.2: a low load that fails outweighs a higher one that does not. */
  bounds(goal: Goal): Bounds {
    let lower: number | null = null;
    for (const load of this.loads()) {
      const c = this.classify(goal, load);
      if (c === 'upper') return { lower, upper: load };
      if (c === 'lower') lower = load;
    }
    return { lower, upper: null };
  }
}

/** One goal on its way through its targets. */
class Pursuit<T extends Trial> {
  readonly targets: MlrGoal[];
  readonly #trials: Trials<T>;
  readonly #o: MlrOptions;
  stage = 0;
  /** Relative step of the next extension beyond the loads measured; grows with each. */
  #step: number;
  /** The last extension: it stays the same until the bound that it starts from moves. */
  #extension: { from: number; step: number } | undefined;
  why: string | undefined;

  constructor(goal: MlrGoal, trials: Trials<T>, o: MlrOptions) {
    this.targets = targetsOf(goal, o.precedingTargets ?? PRECEDING);
    this.#trials = trials;
    this.#o = o;
    this.#step = this.targets[0]!.width;
  }

  get target(): MlrGoal {
    return this.targets[Math.min(this.stage, this.targets.length - 1)]!;
  }

  get done(): boolean {
    return this.stage >= this.targets.length;
  }

  /** The load to measure next for this goal; advances to the next target as long as one is met. */
  next(): number | undefined {
    while (!this.done) {
      const load = this.#candidate();
      if (load !== undefined) return load;
      this.stage++;
      this.#step = this.target.width;
      this.#extension = undefined;
    }
    return undefined;
  }

  #candidate(): number | undefined {
    const { target } = this;
    const { minLoad, maxLoad } = this.#o;
    const { lower, upper } = this.#trials.bounds(target);
    if (lower !== null && upper !== null && relative(lower, upper) <= target.width) return undefined;
    const open = (x: number) => (lower === null || x > lower) && (upper === null || x < upper);
    const begun = this.#trials
      .loads()
      .find((x) => open(x) && this.#trials.at(x).some((t) => t.durationS >= target.finalDurationS));
    if (begun !== undefined) return begun;
    // The bounds of the target before: first the lower one, as a low load that fails ends it for all higher ones.
    if (this.stage > 0) {
      const before = this.#trials.bounds(this.targets[this.stage - 1]!);
      for (const x of [before.lower, before.upper]) if (x !== null && open(x)) return x;
    }
    if (upper === null) {
      if (lower === null) return maxLoad;
      return lower >= maxLoad ? undefined : Math.min(maxLoad, Math.ceil(lower / (1 - this.#extend(lower))));
    }
    if (lower === null)
      return upper <= minLoad ? undefined : Math.max(minLoad, Math.floor(upper * (1 - this.#extend(upper))));
    // Far apart: the bound found last is likely to be the closer one.
    const upwards = this.#trials.lastAt(lower) > this.#trials.lastAt(upper);
    const step = this.#extend(upwards ? lower : upper);
    if (2 * step < relative(lower, upper))
      return upwards ? Math.ceil(lower / (1 - step)) : Math.floor(upper * (1 - step));
    const middle = Math.round(Math.sqrt(lower * upper));
    return middle > lower && middle < upper ? middle : undefined;
  }

  #extend(from: number): number {
    if (this.#extension?.from !== from) {
      this.#extension = { from, step: this.#step };
      this.#step = Math.min(0.5, this.#step * WIDENING);
    }
    return this.#extension.step;
  }

  result(): GoalResult {
    const goal = this.targets.at(-1)!;
    const { lower, upper } = this.#trials.bounds(goal);
    const regular = lower !== null && upper !== null && relative(lower, upper) <= goal.width;
    return {
      goal,
      regular,
      ...(regular ? {} : { why: this.#whyIrregular(lower, upper) }),
      lower,
      upper,
      throughput: lower === null ? 0 : conditionalThroughput(goal, lower, this.#trials.at(lower)),
    };
  }

  #whyIrregular(lower: number | null, upper: number | null): string {
    if (this.why) return this.why;
    if (upper === null) return 'met at the highest load that could be offered';
    if (lower === null) return 'not met at the lowest load';
    return 'loads one packet a second apart are already further apart than asked for';
  }
}

type Planned = Pick<Trial, 'load' | 'durationS'>;

/** The controller: asks for trials, is given what came of them, and says at the end which loads meet each goal. */
function* controller<T extends Trial>(o: MlrOptions): Generator<Planned, MlrResult<T>, T> {
  const minLoad = Math.max(1, Math.ceil(o.minLoad));
  const maxLoad = Math.max(minLoad, Math.floor(o.maxLoad));
  const options = { ...o, minLoad, maxLoad };
  const trials = new Trials<T>();
  const pursuits = o.goals.map((g) => new Pursuit<T>(g, trials, options));
  const limit = o.maxTrials ?? MAX_TRIALS;
  yield* approach(options, pursuits[0]!.targets[0]!, trials);
  options.minLoad = Math.min(
    maxLoad,
    Math.max(minLoad, Math.floor((o.floorRatio ?? 0) * highest(trials.all))),
  );
  for (;;) {
    // Coarse targets before fine ones, low loads before high ones.
    let best: { pursuit: Pursuit<T>; load: number } | undefined;
    for (const pursuit of pursuits) {
      const load = pursuit.next();
      if (load === undefined) continue;
      const { stage } = pursuit;
      if (!best || stage < best.pursuit.stage || (stage === best.pursuit.stage && load < best.load))
        best = { pursuit, load };
    }
    if (!best) break;
    if (trials.all.length >= limit) {
      for (const p of pursuits) if (!p.done) p.why = `not finished after ${limit} trials`;
      break;
    }
    trials.add(yield { load: best.load, durationS: best.pursuit.target.finalDurationS });
  }
  return { goals: pursuits.map((p) => p.result()), trials: trials.all };
}

/** The first trials: at the highest load (or the one given), then twice at what was forwarded the time before. */
function* approach<T extends Trial>(
  o: MlrOptions,
  target: MlrGoal,
  trials: Trials<T>,
): Generator<Planned, void, T> {
  const clamp = (x: number) => Math.min(o.maxLoad, Math.max(o.minLoad, Math.round(x)));
  let load = clamp(o.firstLoad ?? o.maxLoad);
  for (let i = 0; i < 3; i++) {
    const t = yield { load, durationS: target.finalDurationS };
    trials.add(t);
    const forwarded = clamp(load * (1 - t.lossRatio));
    if (relative(forwarded, load) <= target.width) break;
    load = forwarded;
  }
}

/** The highest rate forwarded, packets a second. */
const highest = (trials: readonly Trial[]): number =>
  Math.max(...trials.map((t) => t.load * (1 - t.lossRatio)));

/**
 * Seconds in trials that the search still needs if the device forwards what it did at best and loses the rest: the same
 * controller is led there.
 */
export function secondsLeft(o: MlrOptions, made: readonly Trial[]): number {
  if (!made.length) return Number.POSITIVE_INFINITY;
  const rate = highest(made) * (1 + 1e-9);
  const run = controller<Trial>(o);
  let step = run.next();
  for (const t of made) step = run.next(t);
  let left = 0;
  while (!step.done) {
    const { load, durationS } = step.value;
    left += durationS;
    step = run.next({ load, durationS, lossRatio: load > rate ? 1 - rate / load : 0 });
  }
  return left;
}

/** Run a search. Errors of `measure` end it and are passed on. */
export async function mlrSearch<T extends Trial>(
  o: MlrOptions,
  measure: Measure<T>,
  progress?: MlrProgress,
): Promise<MlrResult<T>> {
  const run = controller<T>(o);
  const made: T[] = [];
  let step = run.next();
  while (!step.done) {
    const { load, durationS } = step.value;
    const doneS = made.reduce((s, t) => s + t.durationS, 0);
    progress?.({ trials: made.length, doneS, leftS: secondsLeft(o, made), next: step.value });
    made.push(await measure(load, durationS));
    step = run.next(made.at(-1)!);
  }
  return step.value;
}
