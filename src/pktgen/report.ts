/** The report of a benchmark: one self-contained HTML page, and the result as JSON. */

import { writeFileSync } from 'node:fs';
import { bootChart, latencyChart, lossChart, rateChart } from './charts.ts';
import { placeOf } from './dut.ts';
import { gbit, mib, micro, mpps, ms, percent } from './print.ts';
import type { BenchResult } from './results.ts';

const text = (raw: string): string =>
  raw.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

const STYLE = `
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2328; max-width: 1080px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.muted { color: #59636e; }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1rem 0; }
.tile { border: 1px solid #d1d9e0; border-radius: 8px; padding: .6rem 1rem; min-width: 8rem; }
.tile b { display: block; font-size: 1.3rem; }
.charts { display: flex; flex-wrap: wrap; gap: 2rem; align-items: flex-end; }
figure { margin: 0; } figcaption { color: #59636e; font-size: .9rem; }
table { border-collapse: collapse; } th, td { padding: .25rem .8rem; border-bottom: 1px solid #d1d9e0; text-align: right; }
th { font-weight: 600; } .left { text-align: left; }
pre { background: #f6f8fa; border-radius: 8px; padding: 1rem; overflow-x: auto; font-size: 13px; line-height: 1.4; }
svg { max-width: 100%; height: auto; }`;

const tile = (value: string, what: string): string =>
  `<div class="tile"><b>${text(value)}</b>${text(what)}</div>`;
const figure = (svg: string, caption: string): string =>
  `<figure>${svg}<figcaption>${text(caption)}</figcaption></figure>`;
const row = (cells: readonly string[], tag = 'td'): string =>
  `<tr>${cells.map((c) => `<${tag}>${text(c)}</${tag}>`).join('')}</tr>`;
const pair = (name: string, value: string): string =>
  `<tr><th class="left">${text(name)}</th><td class="left">${text(value)}</td></tr>`;

function tiles(r: BenchResult): string {
  const best = r.trials.reduce((a, b) => (b.rxPps > a.rxPps ? b : a), r.trials[0]!);
  const list = [
    tile(mpps(best.rxPps), `received, size ${best.size}`),
    tile(percent(best.lossRatio), 'lost'),
    tile(micro(best.latencyUs?.p50), 'latency p50'),
    tile(micro(best.latencyUs?.p99), 'latency p99'),
  ];
  const b = r.dut.bootMs;
  if (b)
    list.push(tile(ms(b.firstPacket ?? b.total), b.firstPacket === null ? 'boot' : 'start to first packet'));
  if (r.dut.memory) list.push(tile(mib(r.dut.memory.residentBytes), 'guest and monitor'));
  return `<div class="tiles">${list.join('')}</div>`;
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
      t.rate === 'max' ? 'max' : mpps(t.offeredPps),
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
    if (t.exitsPerMillionPackets !== null)
      list.push(
        `Size ${t.size}: ${t.exitsPerMillionPackets.toFixed(1)} exits from the guest for a million packets.`,
      );
  }
  return list.length ? `<ul>${list.map((x) => `<li>${text(x)}</li>`).join('')}</ul>` : '';
}

/** The page. Everything is inside it: it can be mailed or archived as it is. */
export async function reportHtml(r: BenchResult): Promise<string> {
  const [rate, latency, loss, boot] = await Promise.all([
    rateChart(r),
    latencyChart(r),
    lossChart(r),
    bootChart(r),
  ]);
  const e = r.environment;
  const timed = r.trials.some((t) => t.latencyCurve.length);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(r.config)}: benchmark</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${text(r.config)}</h1>
<p class="muted">${text(placeOf[r.dut.vmm])} · ${text(r.dut.why)} · ${text(e.date)}</p>
${tiles(r)}
<h2>Rate, loss and latency</h2>
<div class="charts">
${figure(rate, 'Packets sent and received')}
${figure(loss, 'Packets lost')}
${timed ? figure(latency, 'Latency by percentile') : ''}
</div>
<h2>Trials</h2>
${trialTable(r)}
${remarks(r)}
${boot ? `<h2>Boot</h2>${figure(boot, 'Phases in ms since the start of the monitor process')}` : ''}
<h2>Environment</h2>
<table>
${pair('Processor', `${e.cpu}, ${e.cores} cores; generator on ${e.generatorCpu ?? 'any'}, router on ${e.dutCpu ?? 'any'}`)}
${pair('Kernel', e.kernel)}
${pair('KVM', e.kvm)}
${pair('Clicklet', `${e.clicklet}, Node.js ${e.node}, ${r.dut.engine} engine`)}
${pair('Load when measured', e.loadAverage.join(' '))}
${pair('Time stamps', e.timestamps)}
${pair('Generator alone', `${mpps(r.generator.maxTxPps)} sent and received by one thread`)}
${r.dut.memory ? pair('Memory', `guest ${mib(r.dut.memory.guestBytes)}, guest and monitor resident ${mib(r.dut.memory.residentBytes)}`) : ''}
</table>
<h2>Streams</h2>
<pre>${text(r.streams.map((s) => JSON.stringify(s)).join('\n'))}</pre>
<h2>Configuration</h2>
<pre>${text(r.dut.configText)}</pre>
</body>
</html>
`;
}

/** Write FILE.html and, beside it, FILE.json. Returns both names. */
export async function writeReport(r: BenchResult, html: string): Promise<string[]> {
  const json = `${html.replace(/\.html?$/i, '')}.json`;
  writeFileSync(html, await reportHtml(r));
  writeFileSync(json, `${JSON.stringify(r, null, 2)}\n`);
  return [html, json];
}
