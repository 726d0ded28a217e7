/** The flags of a search, checked. */

import { CliError, EXIT } from '../cli/output.ts';
import { SEARCH_DEFAULTS, type SearchOptions, TESTS, type TestName } from './search.ts';
import { parseRate } from './stream.ts';

export interface SearchFlags {
  search?: string;
  rate?: string;
  duration?: string;
  durationSum?: string;
  initialDuration?: string;
  exceed: string;
  loss: string;
  width: string;
  minLoad?: string;
  maxLoad?: string;
  ramp?: string;
  drain: string;
  repeat: string;
  tests?: string;
}

const usage = (text: string): never => {
  throw new CliError(text, EXIT.usage);
};

function secondsOf(flag: string, text: string, least: number): number {
  const s = Number(text.replace(/s$/, ''));
  return text.trim() !== '' && s >= least && s <= 86_400
    ? s
    : usage(`${flag} '${text}': expected seconds, ${least} or more`);
}

function ratioOf(flag: string, text: string, low: number, high: number): number {
  const r = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
  return text.trim() !== '' && r >= low && r <= high
    ? r
    : usage(`${flag} '${text}': expected a ratio from ${low} to ${high}, such as 0.005 or 0.5%`);
}

function loadOf(flag: string, text: string): number {
  const pps = parseRate(text);
  return pps >= 1 ? pps : usage(`${flag} '${text}': expected packets a second such as 1000, 250k or 5M`);
}

function testsOf(text: string): TestName[] {
  const list = text.split(',').map((s) => s.trim());
  const wrong = list.find((s) => !TESTS.includes(s as TestName));
  if (wrong !== undefined) usage(`--tests '${wrong}': expected some of ${TESTS.join(', ')}`);
  return list as TestName[];
}

/** undefined: no search is asked for. Throws CliError. */
export function searchOptions(o: SearchFlags): SearchOptions | undefined {
  const method = o.search ?? (o.rate === undefined ? 'mlr' : 'none');
  if (method !== 'none' && method !== 'mlr' && method !== 'rfc2544')
    return usage(`unknown --search '${method}': expected none, mlr or rfc2544`);
  if (method !== 'none' && o.rate !== undefined)
    usage(`--search ${method} chooses the rates itself: leave out --rate, or say --search none`);
  const rfc2544 = method === 'rfc2544';
  for (const [flag, value] of Object.entries({
    '--duration-sum': o.durationSum,
    '--initial-duration': o.initialDuration,
  }))
    if (value !== undefined && method !== 'mlr') usage(`${flag} is for --search mlr`);
  if (o.tests !== undefined && !rfc2544) usage('--tests is for --search rfc2544');
  const durationS = o.duration === undefined ? (rfc2544 ? 5 : 1) : secondsOf('--duration', o.duration, 0.05);
  const initialDurationS =
    o.initialDuration === undefined ? durationS : secondsOf('--initial-duration', o.initialDuration, 0.05);
  if (initialDurationS > durationS) usage('--initial-duration is longer than --duration');
  const durationSumS =
    o.durationSum === undefined
      ? durationS * SEARCH_DEFAULTS.durationSumS
      : secondsOf('--duration-sum', o.durationSum, 0.05);
  const repeat = Number(o.repeat);
  if (!Number.isInteger(repeat) || repeat < 1 || repeat > 1000)
    usage(`--repeat '${o.repeat}': expected a number from 1 to 1000`);
  const minLoad = o.minLoad === undefined ? undefined : loadOf('--min-load', o.minLoad);
  const maxLoad = o.maxLoad === undefined ? undefined : loadOf('--max-load', o.maxLoad);
  if (maxLoad !== undefined && minLoad !== undefined && maxLoad < minLoad)
    usage('--max-load is less than --min-load');
  const options: SearchOptions = {
    method: rfc2544 ? 'rfc2544' : 'mlr',
    durationS,
    initialDurationS,
    durationSumS,
    exceedRatio: ratioOf('--exceed', o.exceed, 0, 0.99),
    lossRatio: ratioOf('--loss', o.loss, 0, 0.99),
    width: ratioOf('--width', o.width, 0.0001, 0.5),
    repeat,
    minLoad,
    maxLoad,
    rampS: o.ramp === undefined ? Math.min(SEARCH_DEFAULTS.rampS, durationS) : secondsOf('--ramp', o.ramp, 0),
    drainS: secondsOf('--drain', o.drain, 0),
    tests: o.tests === undefined ? TESTS : testsOf(o.tests),
  };
  return method === 'none' ? undefined : options;
}
