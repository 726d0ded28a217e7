// A result of engine.mjs as a page that needs nothing else: plots as SVG by vega-lite, and the figures.
import * as vega from 'vega';
import { compile } from 'vega-lite';

const ENGINES = ['limit', 'fused', 'dynamic', 'fastclick', 'click'];
const color = {
  field: 'engine',
  type: 'nominal',
  title: null,
  scale: { domain: ENGINES, range: ['#8c959f', '#1f6feb', '#7fb2ff', '#d4a72c', '#e5d5a5'] },
};
const escape = (text) => `${text}`.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]);

async function svg(spec) {
  const config = { font: 'system-ui, sans-serif', background: 'transparent', view: { stroke: null }, axis: { gridColor: '#e4e7ec' } };
  const view = new vega.View(vega.parse(compile({ config, ...spec }).spec), { renderer: 'none' });
  const text = await view.toSVG();
  view.finalize();
  return text;
}

const y = { field: 'mpps', type: 'quantitative', title: 'million packets a second' };
const whiskers = {
  mark: { type: 'rule', strokeWidth: 1.5 },
  encoding: { y: { field: 'min', type: 'quantitative' }, y2: { field: 'max' } },
};

/** All engines, by scenario, for the smallest packets. */
const bars = (rows) =>
  svg({
    width: 640,
    height: 260,
    data: { values: rows },
    encoding: { x: { field: 'scenario', type: 'nominal', title: null, sort: null, axis: { labelAngle: 0 } }, xOffset: { field: 'engine', sort: ENGINES }, y },
    layer: [{ mark: 'bar', encoding: { color } }, whiskers],
  });

const lines = (rows, field, title) =>
  svg({
    width: 300,
    height: 200,
    data: { values: rows },
    encoding: {
      x: { field, type: 'quantitative', title, scale: { type: 'log' }, axis: { format: '~s', tickCount: 4 } },
      y: { ...y, scale: { domainMin: 0 } },
      color,
    },
    layer: [{ mark: { type: 'line', point: true } }, whiskers],
  });

/** The page of a result. */
export async function plot({ date, environment, repeats, limit, results }) {
  const rows = results
    .filter((r) => r.mpps)
    .map((r) => ({ ...r, mpps: r.mpps.median, min: r.mpps.min, max: r.mpps.max, entries: r.table?.entries }));
  const smallest = Math.min(...limit.map((l) => l.size));
  const names = [...new Set(rows.map((r) => r.scenario))];
  const usual = (name) => rows.find((r) => r.scenario === name)?.entries;
  const base = rows.filter((r) => r.size === smallest && r.entries === usual(r.scenario));
  const bound = limit.map(({ size, small: s }) => ({ scenario: 'ip-router', engine: 'limit', size, mpps: s.median, min: s.min, max: s.max }));
  const figures = [`<h2>${smallest}-byte packets</h2>${await bars([...bound.filter((l) => l.size === smallest), ...base])}`];
  for (const name of names) {
    const mine = rows.filter((r) => r.scenario === name);
    const bySize = [...mine.filter((r) => r.entries === usual(name)), ...(name === 'ip-router' ? bound : [])];
    const byTable = mine.filter((r) => r.size === smallest && r.entries);
    const parts = [];
    if (limit.length > 1) parts.push(await lines(bySize, 'size', 'bytes of a packet'));
    if (new Set(byTable.map((r) => r.entries)).size > 1) parts.push(await lines(byTable, 'entries', mine[0].table.of));
    if (parts.length) figures.push(`<h2>${escape(name)}</h2><div class="charts">${parts.join('')}</div>`);
  }
  const cells = rows.map((r) =>
    [r.scenario, r.engine, r.size, r.entries ?? '', r.mpps.toFixed(2), r.min.toFixed(2), r.max.toFixed(2), r.ofLimit.toFixed(2), r.instructions?.toFixed(1) ?? '']
      .map((c) => `<td>${escape(c)}</td>`)
      .join(''),
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Clicklet engines</title>
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:960px;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse}
td,th{padding:.2rem .7rem;border-bottom:1px solid #d1d9e0;text-align:right}td:nth-child(-n+2){text-align:left}.charts{display:flex;flex-wrap:wrap;gap:2rem}
svg{max-width:100%;height:auto}</style></head><body>
<h1>Packets a second of one core, from memory</h1>
<p>${escape(environment.cpu)}, ${environment.cores} cores, load ${environment.load[0].toFixed(1)}; ${escape(date)}. Medians of ${repeats}
runs, each in a fresh process, by CPU time; lines show the range. limit: the IP router's work as one loop written by hand.</p>
${figures.join('\n')}
<h2>Figures</h2>
<table><tr>${['scenario', 'engine', 'bytes', 'table', 'Mpps', 'least', 'most', 'of limit', 'instructions'].map((h) => `<th>${h}</th>`).join('')}</tr>
${cells.map((c) => `<tr>${c}</tr>`).join('\n')}</table>
</body></html>
`;
}
