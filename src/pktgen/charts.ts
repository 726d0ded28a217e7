/** The plots of a report, as SVG text: vega renders them without a browser. Loaded only when a report is written. */

import * as vega from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { BenchResult } from './results.ts';

const FONT = 'system-ui, sans-serif';

export async function svg(spec: TopLevelSpec): Promise<string> {
  const config = {
    font: FONT,
    background: 'transparent',
    view: { stroke: null },
    axis: { labelFontSize: 12, titleFontSize: 12, titleFontWeight: 'normal' as const, gridColor: '#e4e7ec' },
    legend: {
      labelFontSize: 12,
      titleFontWeight: 'normal' as const,
      orient: 'top' as const,
      columns: 3,
      labelLimit: 220,
    },
    ...spec.config,
  };
  const view = new vega.View(vega.parse(compile({ ...spec, config } as TopLevelSpec).spec), {
    renderer: 'none',
  });
  const text = await view.toSVG();
  view.finalize();
  return text;
}

const COLORS = { domain: ['sent', 'received'], range: ['#a9b8cc', '#1f6feb'] };

/** Millions of packets a second by frame size, sent and received. */
export const rateChart = (r: BenchResult): Promise<string> =>
  svg({
    width: Math.max(180, 90 * r.trials.length),
    height: 240,
    data: {
      values: r.trials.flatMap((t) => [
        { size: String(t.size), what: 'sent', mpps: t.txPps / 1e6 },
        { size: String(t.size), what: 'received', mpps: t.rxPps / 1e6 },
      ]),
    },
    encoding: {
      x: { field: 'size', type: 'nominal', title: 'frame size, bytes', sort: null, axis: { labelAngle: 0 } },
      xOffset: { field: 'what', sort: COLORS.domain },
      y: { field: 'mpps', type: 'quantitative', title: 'million packets a second' },
    },
    layer: [
      { mark: 'bar', encoding: { color: { field: 'what', type: 'nominal', title: null, scale: COLORS } } },
      {
        mark: { type: 'text', dy: -6, fontSize: 11 },
        encoding: { text: { field: 'mpps', type: 'quantitative', format: '.2f' } },
      },
    ],
  });

/** Loss by frame size. */
export const lossChart = (r: BenchResult): Promise<string> =>
  svg({
    width: Math.max(180, 90 * r.trials.length),
    height: 240,
    data: { values: r.trials.map((t) => ({ size: String(t.size), loss: t.lossRatio * 100 })) },
    encoding: {
      x: { field: 'size', type: 'nominal', title: 'frame size, bytes', sort: null, axis: { labelAngle: 0 } },
      y: {
        field: 'loss',
        type: 'quantitative',
        title: 'packets lost, %',
        scale: { domainMin: 0, ...(r.trials.every((t) => t.lossRatio === 0) ? { domainMax: 1 } : {}) },
      },
    },
    layer: [
      { mark: { type: 'bar', color: '#d1242f', width: { band: 0.5 } } },
      {
        mark: { type: 'text', dy: -6, fontSize: 11 },
        encoding: { text: { field: 'loss', type: 'quantitative', format: '.3~g' } },
      },
    ],
  });

/** The phases from the start of the monitor to the first packet forwarded. */
export async function bootChart(r: BenchResult): Promise<string | undefined> {
  const b = r.dut.bootMs;
  if (!b) return undefined;
  const marks = [
    { phase: 'monitor', end: b.monitor },
    { phase: 'kernel', end: b.kernel },
    { phase: 'configure', end: b.configure },
    { phase: 'first packet', end: b.firstPacket ?? b.configure },
  ];
  let at = 0;
  const values = marks.map((m, i) => {
    const start = at;
    at = Math.max(at, m.end);
    return { phase: m.phase, order: i, start, end: at, ms: at - start };
  });
  return svg({
    width: 460,
    height: 110,
    data: { values },
    encoding: { y: { field: 'phase', type: 'nominal', sort: { field: 'order' }, title: null } },
    layer: [
      {
        mark: { type: 'bar', color: '#1f6feb' },
        encoding: {
          x: { field: 'start', type: 'quantitative', title: 'ms since the monitor started' },
          x2: { field: 'end' },
        },
      },
      {
        mark: { type: 'text', align: 'left', dx: 4, fontSize: 11 },
        encoding: {
          x: { field: 'end', type: 'quantitative' },
          text: { field: 'ms', type: 'quantitative', format: '.2f' },
        },
      },
    ],
  });
}
