/** The report of a benchmark: one self-contained HTML page, and the result as JSON and CSV. */

import { writeFileSync } from 'node:fs';
import { bootChart, lossChart, rateChart } from './charts.ts';
import { latencyCdf, latencyCurves, latencyPercentiles } from './charts-search.ts';
import { placeOf } from './dut.ts';
import { timingText } from './environment.ts';
import {
  gbit,
  heldUpText,
  mib,
  micro,
  mpps,
  ms,
  percent,
  rateText,
  untrackedLines,
  watchedText,
} from './print.ts';
import { csvText } from './report-csv.ts';
import { graphSvg } from './report-graph.ts';
import { figure, page, pair, row, text, tile } from './report-parts.ts';
import { searchHtml } from './report-search.ts';
import type { BenchResult } from './results.ts';
import type { SearchSize } from './schema-search.ts';

function tiles(r: BenchResult): string {
  const list = r.search?.sizes?.length ? searchTiles(r.search.sizes[0]!) : [];
  if (!list.length && r.trials.length) {
    const best = r.trials.reduce((a, b) => (b.rxPps > a.rxPps ? b : a), r.trials[0]!);
    list.push(
      tile(mpps(best.rxPps), `received, size ${best.size}`),
      tile(percent(best.lossRatio), 'lost'),
      tile(micro(best.latencyUs?.p50), 'latency p50'),
      tile(micro(best.latencyUs?.p99), 'latency p99'),
    );
  }
  const b = r.dut.bootMs;
  if (b)
    list.push(tile(ms(b.firstPacket ?? b.total), b.firstPacket === null ? 'boot' : 'start to first packet'));
  if (r.dut.memory) list.push(tile(mib(r.dut.memory.residentBytes), 'guest and monitor'));
  return `<div class="tiles">${list.join('')}</div>`;
}

function searchTiles(s: SearchSize): string[] {
  const at = s.latency[0];
  return [
    tile(mpps(s.ndrPps), `${s.rfc2544 ? 'throughput' : 'without loss (NDR)'}, size ${s.size}`),
    ...(s.pdrPps === null ? [] : [tile(mpps(s.pdrPps), 'with little loss (PDR)')]),
    ...(at
      ? [
          tile(micro(at.latencyUs?.p50), `latency p50 at ${at.label}`),
          tile(micro(at.latencyUs?.p99), 'latency p99'),
        ]
      : []),
  ];
}

function trialTable(r: BenchResult): string {
  const head = [
    'size',
    'rate',
    'sent',
    'received',
    'received, wire',
    'loss',
    'reordered',
    'duplicates',
    'min',
    'p50',
    'p99',
    'p99.9',
    'p99.99',
    'max',
  ];
  const body = r.trials.map((t) =>
    row([
      String(t.size),
      rateText(t),
      mpps(t.txPps),
      mpps(t.rxPps),
      gbit(t.rxBitsPerS),
      percent(t.lossRatio),
      String(t.reordered),
      String(t.duplicates),
      ...(['min', 'p50', 'p99', 'p999', 'p9999', 'max'] as const).map((k) => micro(t.latencyUs?.[k])),
    ]),
  );
  return `<table>${row(head, 'th')}${body.join('')}</table>`;
}

function remarks(r: BenchResult): string {
  const list: string[] = [];
  if (watchedText(r)) list.push(`Watched: ${watchedText(r)}.`);
  for (const t of r.trials) {
    if (t.latencyAt)
      list.push(
        `Size ${t.size}: latency was measured in a second trial at ${mpps(t.latencyAt.offeredPps)}, half of the maximum rate, with ${percent(t.latencyAt.lossRatio)} loss. At the maximum rate it is the length of the queues: p50 ${micro(t.latencyAtMaxUs?.p50)}, p99 ${micro(t.latencyAtMaxUs?.p99)}.`,
      );
    if (t.generatorLimited)
      list.push(
        `Size ${t.size}: the rate is close to what the generator can do alone; the router may be faster.`,
      );
    if (t.missedPackets)
      list.push(
        `Size ${t.size}: the generator left out ${t.missedPackets} packets that it could not send in time.`,
      );
    const held = heldUpText(t);
    if (held) list.push(`Size ${t.size}: ${held}.`);
    if (t.untracked) list.push(...untrackedLines(t, t.untracked).map((x) => `${x}.`));
    if (t.exitsPerMillionPackets !== null)
      list.push(
        `Size ${t.size}: ${t.exitsPerMillionPackets.toFixed(1)} exits from the guest for a million packets.`,
      );
  }
  return list.length ? `<ul>${list.map((x) => `<li>${text(x)}</li>`).join('')}</ul>` : '';
}

/** The page. Everything is inside it: it can be mailed or archived as it is. */
export async function reportHtml(r: BenchResult): Promise<string> {
  const e = r.environment;
  const curves = latencyCurves(r);
  const [rate, loss, percentiles, cdf, boot, graph, search] = await Promise.all([
    r.trials.length ? rateChart(r) : undefined,
    r.trials.length ? lossChart(r) : undefined,
    curves.length ? latencyPercentiles(curves) : undefined,
    curves.length ? latencyCdf(curves) : undefined,
    bootChart(r),
    graphSvg(r.dut.graph),
    r.search ? searchHtml(r.search) : '',
  ]);
  const charts = [
    rate && figure(rate, 'Packets sent and received'),
    loss && figure(loss, 'Packets lost'),
    percentiles && figure(percentiles, 'Latency by percentile'),
    cdf && figure(cdf, 'Latency, cumulative'),
  ].filter((x) => x);
  return page(
    `${r.config}: benchmark`,
    `<h1>${text(r.config)}</h1>
<p class="muted">${text(placeOf[r.dut.vmm])} · ${text(r.dut.why)} · ${text(e.date)}</p>
${r.interrupted ? '<p><b>Interrupted before the end</b>: this was measured until then.</p>' : ''}
${tiles(r)}
${search}
<h2>Rate, loss and latency</h2>
<div class="charts">
${charts.join('\n')}
</div>
${r.trials.length ? `<h2>Trials</h2>${trialTable(r)}${streamTable(r)}${remarks(r)}` : ''}
${boot ? `<h2>Boot</h2>${figure(boot, 'Phases in ms since the start of the monitor process')}` : ''}
<h2>Environment</h2>
<table>
${pair('Processor', `${e.cpu}, ${e.cores} cores; generator on ${e.generatorCpu ?? 'any'}, router on ${e.dutCpu ?? 'any'}`)}
${pair('Kernel', e.kernel)}
${pair('KVM', e.kvm)}
${pair('Clicklet', `${e.clicklet}, Node.js ${e.node}, ${r.dut.engine} engine`)}
${pair('Load when measured', e.loadAverage.join(' '))}
${pair('Time stamps', timingText(e))}
${r.generator.maxTxPps ? pair('Generator alone', `${mpps(r.generator.maxTxPps)} sent and received by one thread`) : ''}
${r.dut.memory ? pair('Memory', `guest ${mib(r.dut.memory.guestBytes)}, guest and monitor resident ${mib(r.dut.memory.residentBytes)}`) : ''}
</table>
<h2>Streams</h2>
<pre>${text(r.streams.map((s) => JSON.stringify(s)).join('\n'))}</pre>
${graph ? `<h2>Element graph</h2><figure class="graph">${graph}</figure>` : ''}
<h2>Configuration</h2>
<pre>${text(r.dut.configText)}</pre>`,
  );
}

/** What each stream of a trial came to, where there are several. */
function streamTable(r: BenchResult): string {
  const body = r.trials.flatMap((t) =>
    (t.streams?.length ?? 0) < 2
      ? []
      : t.streams!.map((s) =>
          row([t.size, s.stream, s.txPackets, s.packets, s.lost, s.reordered, s.duplicates].map(String)),
        ),
  );
  const head = ['size', 'stream', 'sent', 'received', 'lost', 'reordered', 'duplicates'];
  return body.length ? `<h3>Streams</h3><table>${row(head, 'th')}${body.join('')}</table>` : '';
}

/** Write FILE.html and, beside it, FILE.json and FILE.csv. Returns the names. */
export async function writeReport(r: BenchResult, html: string): Promise<string[]> {
  const base = html.replace(/\.html?$/i, '');
  const [json, csv] = [`${base}.json`, `${base}.csv`];
  writeFileSync(html, await reportHtml(r));
  writeFileSync(json, `${JSON.stringify(r, null, 2)}\n`);
  writeFileSync(csv, csvText(r));
  return [html, json, csv];
}
