/** What a suite found, for people: a table in text, and a page. */

import { plainTable } from '../cli/table.ts';
import { micro, mpps, percent } from './print.ts';
import type { ScenarioResult, SuiteResult } from './suite.ts';

const figure = (r: ScenarioResult['references'][number]): string =>
  `${r.source} ${r.mpps}${r.most === undefined ? '' : `-${r.most}`}${r.place === 'process' ? ' (in a process)' : ''}`;
const ratio = (r: ScenarioResult['references'][number]): string =>
  r.ratio === null ? '-' : `${r.ratio.toFixed(2)}×`;

/** Of several runs the least and the most. */
const range = (s: ScenarioResult): string =>
  s.runs.length > 1
    ? ` (${s.runs.length} runs: ${mpps(Math.min(...s.runs))} to ${mpps(Math.max(...s.runs))})`
    : '';

/** One line for each scenario and reference; then what the sources are. */
export function suiteText(r: SuiteResult): string {
  const rows = r.scenarios.flatMap((s) => {
    const own = [
      s.engine === 'fused' ? `${s.name}, fused` : s.name,
      s.size === null ? '' : String(s.size),
      s.pps === null ? '-' : mpps(s.pps),
      s.runs.length > 1 ? `${mpps(Math.min(...s.runs))} to ${mpps(Math.max(...s.runs))}` : '',
      s.lossRatio === null ? '' : percent(s.lossRatio),
      s.latencyUs ? `${micro(s.latencyUs.p50)} / ${micro(s.latencyUs.p99)}` : '',
    ];
    const first = s.references[0];
    const lines = [[...own, first ? figure(first) : '', first ? ratio(first) : '']];
    for (const x of s.references.slice(1)) lines.push([...own.map(() => ''), figure(x), ratio(x)]);
    return lines;
  });
  const head = [
    'scenario',
    'size',
    'received',
    'runs',
    'loss',
    'latency p50 / p99',
    'reference, Mpps',
    'ratio',
  ];
  const problems = r.scenarios.filter((s) => s.problem).map((s) => `${s.name}: ${s.problem}`);
  const sources = Object.entries(r.sources).map(([key, what]) => `${key}: ${what}`);
  const e = r.environment;
  const where = e
    ? [`${e.cores} × ${e.cpu}, ${e.kvm}; load average ${e.loadAverage.map((x) => x.toFixed(1)).join(' ')}`]
    : [];
  return `${[plainTable(head, rows).trimEnd(), '', ...problems, ...sources, ...where].join('\n')}\n`;
}

const html = (raw: string): string =>
  raw.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

const STYLE = `
:root { color-scheme: light; }
body { background: #fff; font: 15px/1.5 system-ui, sans-serif; color: #1f2328; max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; } th, td { padding: .25rem .6rem; text-align: left; vertical-align: top; }
tr.first td { border-top: 1px solid #d1d9e0; } .muted { color: #59636e; }
.bar { display: block; height: .9rem; background: #8c959f; border-radius: 2px; } .own .bar { background: #0969da; }`;

/** One self-contained page: a bar for each figure, all to the same scale. */
export function suiteHtml(r: SuiteResult): string {
  const most = Math.max(
    1,
    ...r.scenarios.flatMap((s) => [(s.pps ?? 0) / 1e6, ...s.references.map((x) => x.most ?? x.mpps)]),
  );
  const bar = (value: number) =>
    `<span class="bar" style="width:${((100 * value) / most).toFixed(1)}%"></span>`;
  const rows = r.scenarios.flatMap((s) => [
    `<tr class="first own"><td><b>${html(s.name)}</b></td><td>${s.pps === null ? html(s.problem ?? '') : `${mpps(s.pps)}${range(s)}, ${html(`${s.vmm}${s.engine === 'fused' ? ', fused' : ''}`)}, size ${s.size}`}</td><td></td><td style="width:40%">${bar((s.pps ?? 0) / 1e6)}</td></tr>`,
    ...s.references.map(
      (x) =>
        `<tr><td></td><td class="muted">${html(figure(x))}</td><td>${ratio(x)}</td><td>${bar(x.most ?? x.mpps)}</td></tr>`,
    ),
  ]);
  const sources = Object.entries(r.sources).map(
    ([key, what]) => `<li><b>${html(key)}</b>: ${html(what)}</li>`,
  );
  const e = r.environment;
  const places = new Set(r.scenarios.flatMap((s) => s.vmm ?? []));
  const title = places.has('process')
    ? `Middleboxes ${places.size > 1 ? 'as virtual machines or' : ''} in a process`.replace('  ', ' ')
    : 'Middleboxes as virtual machines';
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><style>${STYLE}</style></head>
<body><h1>${title}</h1>
<p class="muted">${e ? html(`${e.date}; ${e.cores} × ${e.cpu}; Linux ${e.kernel}; KVM ${e.kvm}; load average ${e.loadAverage.join(' ')}`) : ''}</p>
<table><tr><th>scenario</th><th>millions of packets a second</th><th>ratio</th><th></th></tr>
${rows.join('\n')}
</table><h2>Sources</h2><ul>${sources.join('\n')}</ul></body></html>
`;
}
