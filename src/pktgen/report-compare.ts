/** A comparison of results as one self-contained HTML page. */

import { compareChart, latencyCompareChart } from './charts-search.ts';
import { type Comparison, rateName } from './compare.ts';
import { mpps } from './print.ts';
import { figure, page, row, text } from './report-parts.ts';
import type { BenchResult } from './results.ts';

export async function comparisonHtml(c: Comparison, results: readonly BenchResult[]): Promise<string> {
  const files = c.results.map((r) => r.file);
  const [rates, latency] = await Promise.all([compareChart(c), latencyCompareChart(files, results)]);
  const body = c.rows.map((r) =>
    row([
      String(r.size),
      rateName(r.what),
      ...r.pps.map((pps, i) =>
        pps === null
          ? '-'
          : i === 0 || r.ratio[i] === null
            ? mpps(pps)
            : `${mpps(pps)} (${r.ratio[i]!.toFixed(3)}x${r.distinct[i] === null ? '' : r.distinct[i] ? ' *' : ' ~'})`,
      ),
    ]),
  );
  return page(
    'Comparison of benchmarks',
    `<h1>Comparison of benchmarks</h1>
<table>${row(['result', 'configuration', 'as', 'processor', 'date', 'Clicklet'], 'th')}${c.results
      .map((r, i) => row([r.file, r.config, r.dut, r.cpu, r.date, results[i]!.environment.clicklet]))
      .join('')}</table>
${c.differences.length ? `<p>Not the same in all: ${text(c.differences.join(', '))}.</p>` : ''}
<h2>Rates</h2>
<div class="charts">${figure(rates, 'Packets a second')}${latency ? figure(latency, 'Latency by percentile') : ''}</div>
<table>${row(['size', 'rate', ...files], 'th')}${body.join('')}</table>
<p class="muted">Ratios are to the first result. *: the 95 % confidence intervals lie apart; ~: they overlap.</p>`,
  );
}
