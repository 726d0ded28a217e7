/** What the live display says while a trial runs: rates, loss, latency over time, how far it is. Text only. */

import { micro, mpps } from './print.ts';
import type { MlrProgress } from './search-mlr.ts';
import type { Progress } from './trial.ts';

type Sample = Parameters<Progress>[0];

const BARS = '▁▂▃▄▅▆▇█';

/** One character for each value, the highest one the largest. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(...values);
  return values.map((v) => BARS[most > 0 ? Math.min(7, Math.floor((v / most) * 7.999)) : 0]).join('');
}

/** `fraction`: 0 to 1. */
export function progressBar(fraction: number, width = 24): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return `[${'#'.repeat(full)}${'-'.repeat(width - full)}]`;
}

const clock = (s: number): string =>
  s < 60 ? `${Math.ceil(s)} s` : `${Math.floor(s / 60)} min ${Math.ceil(s % 60)} s`;

const COLUMNS = 32;
/** Rates of less time than this mean nothing: a trial ends at any moment. */
const LEAST_S = 0.05;

/** Follows the samples of one trial after the other. */
export class LiveView {
  #last: Sample | undefined;
  #latencies: number[] = [];
  #lines: string[] = [];
  #search: { state: Parameters<MlrProgress>[0]; nowMs: number; startedMs: number } | undefined;

  /** A new step: what was seen before is no part of it. */
  begin(): void {
    this.#last = undefined;
    this.#latencies = [];
    this.#lines = [];
    this.#search = undefined;
  }

  /** How far a search is. `nowMs`: any clock. */
  overall(state: Parameters<MlrProgress>[0], nowMs: number): void {
    this.#search = { state, nowMs, startedMs: this.#search?.startedMs ?? nowMs };
  }

  /** The lines to show, oldest sample first in the sparkline. */
  sample(s: Sample, nowMs: number): string[] {
    if (this.#last && s.elapsedS < this.#last.elapsedS) this.#last = undefined; // another trial
    const last = this.#last ?? { elapsedS: 0, durationS: 0, tx: 0, rx: 0, latency: null };
    const dt = s.elapsedS - last.elapsedS;
    if (dt < LEAST_S) return this.#lines;
    const tx = s.tx - last.tx;
    const rx = s.rx - last.rx;
    this.#last = s;
    // While packets are under way they are not missing yet: what came is compared with what was sent one sample before.
    const missing = last.tx > 0 ? Math.max(0, (last.tx - s.rx) / last.tx) * 100 : 0;
    this.#lines = [`sent ${mpps(tx / dt)}, received ${mpps(rx / dt)}, missing ${missing.toFixed(2)} %`];
    const recent = recentMeanUs(s, last);
    if (recent !== null) this.#latencies.push(recent);
    this.#latencies = this.#latencies.slice(-COLUMNS);
    if (this.#latencies.length)
      this.#lines.push(`latency ${sparkline(this.#latencies)} ${micro(this.#latencies.at(-1))} mean`);
    this.#lines.push(this.#progressLine(s, nowMs));
    return this.#lines;
  }

  #progressLine(s: Sample, nowMs: number): string {
    const search = this.#search;
    if (!search) {
      const left = Math.max(0, s.durationS - s.elapsedS);
      return `${progressBar(s.elapsedS / s.durationS)} ${clock(left)} left`;
    }
    const { trials, doneS, leftS, next } = search.state;
    const label = `trial ${trials + 1} at ${mpps(next.load)}`;
    if (!doneS) return `${progressBar(0)} ${label}`;
    // What is between trials, and trials that are repeated, take as much of the time to come as of the time past.
    const spent = (search.nowMs - search.startedMs) / 1000;
    const atTrial = (spent * leftS) / doneS;
    const left = Math.max(0, atTrial - (nowMs - search.nowMs) / 1000);
    return `${progressBar(doneS / (doneS + leftS))} ${label}, about ${clock(left)} left`;
  }
}

/** The mean latency of the packets between two samples, µs. */
function recentMeanUs(s: Sample, last: Sample): number | null {
  if (!s.latency) return null;
  const before = last.latency ?? { count: 0, meanNs: 0 };
  const count = s.latency.count - before.count;
  if (count <= 0) return null;
  return (s.latency.count * s.latency.meanNs - before.count * before.meanNs) / count / 1000;
}
