/** Two or more results side by side. */

import { plainTable } from '../cli/table.ts';
import { mpps } from './print.ts';
import { type BenchResult, ratesOf } from './results.ts';

export interface Comparison {
  version: 1;
  results: { file: string; config: string; date: string; dut: string; cpu: string }[];
  /** One for each figure that at least two results have; `null` where one has it not. */
  rows: {
    size: number | string;
    what: string;
    pps: (number | null)[];
    /** To the first result that has it. */
    ratio: (number | null)[];
    /** The 95 % confidence intervals of repeated searches lie apart from the first's; null: not known. */
    distinct: (boolean | null)[];
  }[];
  /** What makes the results hard to compare. */
  differences: string[];
}

const dutOf = (r: BenchResult): string => r.dut.vmm;

/** As it was asked for, in searches; measured else, so to the tenth of a second. */
const trialLength = (r: BenchResult): string =>
  (r.search?.sizes?.[0]?.trials[0]?.durationS ?? r.trials[0]?.durationS ?? 0).toFixed(1);

function intervalOf(r: BenchResult, size: number | string, what: string) {
  const repeats = r.search?.sizes?.find((s) => s.size === size)?.repeats;
  return (what === 'NDR' ? repeats?.ndr : what === 'PDR' ? repeats?.pdr : undefined)?.ci95 ?? null;
}

export function compareResults(files: readonly string[], results: readonly BenchResult[]): Comparison {
  const rates = results.map(ratesOf);
  const keys = new Map(rates.flat().map((x) => [`${x.size} ${x.what}`, x]));
  const rows: Comparison['rows'] = [];
  for (const { size, what } of keys.values()) {
    const pps = rates.map((list) => list.find((x) => x.size === size && x.what === what)?.pps ?? null);
    const present = pps.filter((x) => x !== null);
    if (present.length < 2) continue;
    const first = pps.findIndex((x) => x !== null);
    const base = intervalOf(results[first]!, size, what);
    rows.push({
      size,
      what,
      pps,
      ratio: pps.map((x) => (x === null || !pps[first] ? null : x / pps[first]!)),
      distinct: results.map((r, i) => {
        const other = intervalOf(r, size, what);
        return i === first || !base || !other ? null : other.low > base.high || other.high < base.low;
      }),
    });
  }
  const differences = (
    [
      ['configuration', (r) => r.dut.configText],
      ['Clicklet', (r) => r.environment.clicklet],
      ['processor', (r) => r.environment.cpu],
      ['device under test', dutOf],
      ['search method', (r) => r.search?.method ?? 'none'],
      ['length of trials', trialLength],
      ['streams', (r) => JSON.stringify(r.streams)],
    ] as [string, (r: BenchResult) => string][]
  ).flatMap(([name, of]) => (new Set(results.map(of)).size > 1 ? [name] : []));
  return {
    version: 1,
    results: results.map((r, i) => ({
      file: files[i]!,
      config: r.config,
      date: r.environment.date,
      dut: dutOf(r),
      cpu: r.environment.cpu,
    })),
    rows,
    differences,
  };
}

export const rateName = (what: string): string => (/^\d/.test(what) ? mpps(Number(what)) : what);

export function comparisonText(c: Comparison): string {
  const head = ['size', 'rate', ...c.results.map((r) => r.file)];
  const body = c.rows.map((row) => [
    String(row.size),
    rateName(row.what),
    ...row.pps.map((pps, i) => {
      if (pps === null) return '-';
      const ratio = row.ratio[i];
      const sure = row.distinct[i] === null ? '' : row.distinct[i] ? ' *' : ' ~';
      return i === 0 || ratio === null ? mpps(pps) : `${mpps(pps)} (${ratio!.toFixed(3)}x${sure})`;
    }),
  ]);
  const lines = [plainTable(head, body, 'right').trimEnd()];
  if (c.rows.some((r) => r.distinct.some((d) => d !== null)))
    lines.push('', '*: the 95 % confidence intervals lie apart; ~: they overlap');
  if (c.differences.length) lines.push('', `not the same in all: ${c.differences.join(', ')}`);
  return `${lines.join('\n')}\n`;
}

/** One line for each figure and result. */
export function comparisonCsv(c: Comparison): string {
  const quote = (x: string | number) =>
    /[",\n]/.test(String(x)) ? `"${String(x).replaceAll('"', '""')}"` : x;
  const lines = c.rows.flatMap((r) =>
    c.results.map(({ file }, i) =>
      [r.size, r.what, file, r.pps[i] ?? '', r.ratio[i] ?? ''].map(quote).join(','),
    ),
  );
  return `${['size,rate,result,pps,ratio', ...lines].join('\n')}\n`;
}
