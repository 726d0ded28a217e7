/** The part of a report that is about a search. */

import { goalChart, lossOverLoad } from './charts-search.ts';
import { exactRate, micro, mpps, percent } from './print.ts';
import { boundsText, hostText, seconds, withInterval } from './print-search.ts';
import { figure, row, text } from './report-parts.ts';
import type { SearchResult, SearchSize } from './schema-search.ts';

export async function searchHtml(s: SearchResult): Promise<string> {
  const sizes = s.sizes ?? [];
  if (!sizes.length) return '';
  const [goals, loss] = await Promise.all([goalChart(s), lossOverLoad(s)]);
  return `<h2>Search: ${s.method === 'mlr' ? 'MLRsearch (RFC 9971)' : 'RFC 2544'}</h2>
<div class="charts">
${figure(goals, s.method === 'mlr' ? 'Throughput without loss (NDR) and with little (PDR); the line spans the bounds' : 'Throughput; the line ends at the lowest load with loss')}
${figure(loss, 'Loss in each trial over the load offered')}
</div>
${s.method === 'mlr' ? goalTable(sizes) : sizes.map(rfc2544Table).join('')}
${sizes.some((x) => x.latency.length) ? `<h3>Latency at the rates found</h3>${latencyTable(sizes)}` : ''}
${list([
  ...sizes.flatMap((x) => [
    ...(x.generatorLimited
      ? [
          `Size ${x.size}: the result is close to what the generator can do alone (${mpps(x.generatorMaxPps!)}); the router may be faster.`,
        ]
      : []),
    ...hostText(x).map((line) => `Size ${x.size}: ${line}.`),
    ...x.goals.flatMap((g) =>
      g.regular ? [] : [`Size ${x.size}: ${g.name} has no bounds on both sides: ${g.why}.`],
    ),
    ...(x.rfc2544?.skipped ?? []).map((k) => `Size ${x.size}: no ${k.test}: ${k.why}.`),
    ...(x.repeats
      ? [
          `Size ${x.size}, of repeated searches: NDR ${withInterval(x.repeats.ndr, exactRate)}${x.repeats.pdr ? `, PDR ${withInterval(x.repeats.pdr, exactRate)}` : ''}.`,
        ]
      : []),
  ]),
  ...(s.standards
    ? [
        `Method: ${s.standards.join(', ')}. Differences: ${s.deviations!.join('; ')}.`,
        `Loads are packets a second of all streams together; ${s.sendingPorts} port${s.sendingPorts === 1 ? '' : 's'} sent. Each trial followed ${s.rampS} s of traffic that was not counted. Packets that a port had no room for count as lost once they are more than one in a thousand.`,
      ]
    : []),
])}
<details><summary>All trials of the search</summary>${trialTable(sizes)}</details>`;
}

const list = (items: readonly string[]): string =>
  items.length ? `<ul>${items.map((x) => `<li>${text(x)}</li>`).join('')}</ul>` : '';

function goalTable(sizes: readonly SearchSize[]): string {
  const head = [
    'size',
    'goal',
    'loss allowed',
    'trials that may exceed it',
    'final trials',
    'decided by',
    'width',
    'throughput',
    'bounds',
  ];
  const body = sizes.flatMap((s) =>
    s.goals.map((g) =>
      row([
        String(s.size),
        g.name,
        percent(g.lossRatio),
        `${g.exceedRatio * 100} %`,
        `${g.finalDurationS} s`,
        `${g.durationSumS} s`,
        `${g.width * 100} %`,
        exactRate(g.throughputPps),
        boundsText(g),
      ]),
    ),
  );
  return `<table>${row(head, 'th')}${body.join('')}</table>`;
}

function rfc2544Table(s: SearchSize): string {
  const r = s.rfc2544!;
  const rows: [string, string][] = [
    [
      'throughput',
      `${mpps(r.throughputPps ?? 0)}, with loss from ${r.failedPps === null ? 'no load on' : mpps(r.failedPps)}`,
    ],
    ...(r.lossCurve ?? []).map((p): [string, string] => [
      `frame loss at ${mpps(p.load)}`,
      withInterval(p.lossRatio, percent),
    ]),
  ];
  const b = r.backToBack;
  if (b?.frames)
    rows.push([
      'back-to-back frames',
      `${withInterval(b.frames, (x) => x.toFixed(0))}${b.limited ? ' or more' : ''}; buffers of ${seconds(b.correctedBufferS)}, ${seconds(b.impliedBufferS)} uncorrected`,
    ]);
  if (r.recovery)
    rows.push([
      `recovery from ${mpps(r.recovery.overloadPps)}`,
      `${withInterval(r.recovery.seconds, seconds)}, to within ${seconds(r.recovery.resolutionS)}`,
    ]);
  if (r.reset)
    rows.push([
      'reset',
      `${withInterval(r.reset.byLossS, seconds)} by packets lost; ${withInterval(r.reset.byTimeS, seconds)} by the clock, to within ${seconds(r.reset.resolutionS)}`,
    ]);
  const body = rows.map(
    ([name, value]) => `<tr><th class="left">${text(name)}</th><td class="left">${text(value)}</td></tr>`,
  );
  return `<h3>Size ${text(String(s.size))}</h3><table>${body.join('')}</table>`;
}

function latencyTable(sizes: readonly SearchSize[]): string {
  const head = ['size', 'at', 'load', 'loss', 'min', 'p50', 'p90', 'p99', 'p99.9', 'p99.99', 'max'];
  const body = sizes.flatMap((s) =>
    s.latency.map((l) =>
      row([
        String(s.size),
        l.label,
        mpps(l.load),
        percent(l.lossRatio),
        ...(['min', 'p50', 'p90', 'p99', 'p999', 'p9999', 'max'] as const).map((k) =>
          micro(l.latencyUs?.[k]),
        ),
      ]),
    ),
  );
  return `<table>${row(head, 'th')}${body.join('')}</table>`;
}

function trialTable(sizes: readonly SearchSize[]): string {
  const head = [
    'size',
    'load',
    'seconds',
    'sent',
    'received',
    'refused',
    'loss',
    'reordered',
    'duplicates',
    'p50',
    'p99',
  ];
  const body = sizes.flatMap((s) =>
    s.trials.map((t) =>
      row([
        String(s.size),
        exactRate(t.load),
        String(Math.round(t.durationS * 100) / 100),
        String(t.txPackets),
        String(t.rxPackets),
        String(t.refusedPackets),
        percent(t.lossRatio),
        String(t.reordered),
        String(t.duplicates),
        micro(t.latencyP50Us ?? undefined),
        micro(t.latencyP99Us ?? undefined),
      ]),
    ),
  );
  return `<table>${row(head, 'th')}${body.join('')}</table>`;
}
