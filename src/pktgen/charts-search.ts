/** Plots of searches and comparisons, as SVG text. */

import { svg } from './charts.ts';
import { type Comparison, rateName } from './compare.ts';
import type { BenchResult } from './results.ts';
import type { SearchResult } from './schema-search.ts';

/** 0, 500k, 1.5M: each tick with its own prefix. */
const SI = "format(datum.value, '~s')";

const sizesOf = (s: SearchResult) => s.sizes ?? [];

/** Loss in each trial of a search, over the load: per size. Where there was none, on the line at the bottom. */
export const lossOverLoad = (s: SearchResult): Promise<string> => {
  const least = 1e-4;
  const values = sizesOf(s).flatMap((size) =>
    size.trials.map((t) => ({
      size: String(size.size),
      pps: t.load,
      loss: Math.max(least, t.lossRatio * 100),
      none: t.lossRatio === 0,
    })),
  );
  const marks = sizesOf(s).flatMap((size) => [
    { size: String(size.size), pps: size.ndrPps, what: size.rfc2544 ? 'throughput' : 'NDR' },
    ...(size.pdrPps === null ? [] : [{ size: String(size.size), pps: size.pdrPps, what: 'PDR' }]),
  ]);
  const color = {
    field: 'size',
    type: 'nominal',
    title: 'frame size',
    sort: sizesOf(s).map((x) => String(x.size)),
  } as const;
  return svg({
    width: 460,
    height: 260,
    layer: [
      {
        data: { values },
        mark: { type: 'point', filled: true, opacity: 0.75, size: 45 },
        encoding: {
          x: {
            field: 'pps',
            type: 'quantitative',
            title: 'offered, packets a second',
            axis: { labelExpr: SI },
            scale: { zero: true },
          },
          y: {
            field: 'loss',
            type: 'quantitative',
            scale: { type: 'log', domain: [least, 100] },
            title: 'packets lost, %',
            axis: { labelExpr: `datum.value <= ${least} ? 'none' : format(datum.value, '~g')`, tickCount: 6 },
          },
          color,
          shape: {
            field: 'none',
            type: 'nominal',
            legend: null,
            scale: { domain: [true, false], range: ['circle', 'triangle-up'] },
          },
        },
      },
      {
        data: { values: marks },
        mark: { type: 'rule', strokeDash: [4, 3] },
        encoding: { x: { field: 'pps', type: 'quantitative' }, color },
      },
      ...(s.method === 'mlr' ? ['NDR', 'PDR'] : ['throughput']).map((what, i) => ({
        data: { values: marks.filter((m) => m.what === what) },
        mark: { type: 'text', align: 'left', dx: 3, baseline: 'top', fontSize: 11 } as const,
        encoding: {
          x: { field: 'pps', type: 'quantitative' } as const,
          y: { value: 2 + 14 * i },
          text: { field: 'what', type: 'nominal' } as const,
          color,
        },
      })),
    ],
  });
};

/** NDR and PDR (or throughput) by size, with the bounds of the search. */
export const goalChart = (s: SearchResult): Promise<string> => {
  const values = sizesOf(s).flatMap((size) => {
    const goals = size.goals.filter((g) => g.run === 0);
    if (!goals.length)
      return [
        {
          size: String(size.size),
          what: 'throughput',
          pps: size.ndrPps,
          low: size.ndrPps,
          high: size.rfc2544?.failedPps ?? size.ndrPps,
        },
      ];
    return goals.map((g) => ({
      size: String(size.size),
      what: g.name,
      pps: g.name === 'NDR' ? size.ndrPps : size.pdrPps!,
      low: g.lowerPps ?? 0,
      high: g.upperPps ?? g.lowerPps ?? 0,
    }));
  });
  return svg({
    width: Math.max(180, 100 * sizesOf(s).length),
    height: 260,
    data: { values },
    encoding: {
      x: { field: 'size', type: 'nominal', title: 'frame size, bytes', sort: null, axis: { labelAngle: 0 } },
      xOffset: { field: 'what', sort: ['NDR', 'PDR', 'throughput'] },
    },
    layer: [
      {
        mark: 'bar',
        encoding: {
          y: { field: 'pps', type: 'quantitative', title: 'packets a second', axis: { labelExpr: SI } },
          color: {
            field: 'what',
            type: 'nominal',
            title: null,
            scale: { domain: ['NDR', 'PDR', 'throughput'], range: ['#1f6feb', '#a9b8cc', '#1f6feb'] },
            legend: { values: [...new Set(values.map((v) => v.what))] },
          },
        },
      },
      {
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: { y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' } },
      },
      {
        mark: { type: 'text', dy: -8, fontSize: 11 },
        encoding: {
          y: { field: 'high', type: 'quantitative' },
          text: { field: 'pps', type: 'quantitative', format: '.4~s' },
        },
      },
    ],
  });
};

interface Curve {
  name: string;
  points: readonly { percentile: number; us: number }[];
}

/** How many packets took at most so long. */
export const latencyCdf = (curves: readonly Curve[]): Promise<string> =>
  svg({
    width: 460,
    height: 260,
    data: {
      values: curves.flatMap((c) => c.points.map((p) => ({ name: c.name, us: p.us, share: p.percentile }))),
    },
    mark: { type: 'line', interpolate: 'step-after', strokeWidth: 2 },
    encoding: {
      x: {
        field: 'us',
        type: 'quantitative',
        scale: { type: 'log', nice: false },
        title: 'latency, µs',
        axis: { tickCount: 5 },
      },
      y: { field: 'share', type: 'quantitative', title: 'packets that took at most so long, %' },
      color: { field: 'name', type: 'nominal', title: null, sort: curves.map((c) => c.name) },
      order: { field: 'share' },
    },
  });

/** By percentile, towards the tail on a scale of nines. */
export const latencyPercentiles = (curves: readonly Curve[]): Promise<string> =>
  svg({
    width: 460,
    height: 260,
    data: {
      values: curves.flatMap((c) =>
        c.points.map((p) => ({ name: c.name, beyond: 100 / (100 - p.percentile), us: p.us })),
      ),
    },
    mark: { type: 'line', interpolate: 'step-after', strokeWidth: 2 },
    encoding: {
      x: {
        field: 'beyond',
        type: 'quantitative',
        scale: { type: 'log' },
        title: 'percentile',
        axis: {
          values: [1, 2, 10, 100, 1000, 10000, 100000, 1000000],
          labelExpr:
            "datum.value == 1 ? '0' : datum.value == 2 ? '50' : replace(format(100 - 100 / datum.value, '.4f'), /\\.?0+$/, '')",
        },
      },
      y: { field: 'us', type: 'quantitative', scale: { type: 'log' }, title: 'latency, µs' },
      color: { field: 'name', type: 'nominal', title: null, sort: curves.map((c) => c.name) },
    },
  });

/** All latency curves of a result: of its trials, and at the rates that a search found. */
export function latencyCurves(r: BenchResult): Curve[] {
  const found = (r.search?.sizes ?? []).flatMap((s) =>
    s.latency.map((l) => ({ name: `${s.size}: ${l.label}`, points: l.curve })),
  );
  const trials = r.trials.map((t) => ({
    name: `${t.size}: ${t.latencyAt ? 'half of the maximum' : typeof t.rate === 'string' ? t.rate : 'given rate'}`,
    points: t.latencyCurve,
  }));
  return (found.length ? found : trials).filter((c) => c.points.length);
}

export const compareChart = (c: Comparison): Promise<string> => {
  const files = c.results.map((r) => r.file);
  return svg({
    width: Math.max(180, 60 * c.rows.length * files.length),
    height: 260,
    data: {
      values: c.rows.flatMap((r) =>
        r.pps.flatMap((pps, i) =>
          pps === null ? [] : [{ what: `${r.size}: ${rateName(r.what)}`, file: files[i], pps }],
        ),
      ),
    },
    encoding: {
      x: { field: 'what', type: 'nominal', title: null, sort: null, axis: { labelAngle: 0 } },
      xOffset: { field: 'file', sort: files },
      y: { field: 'pps', type: 'quantitative', title: 'packets a second', axis: { labelExpr: SI } },
    },
    layer: [
      { mark: 'bar', encoding: { color: { field: 'file', type: 'nominal', title: null, sort: files } } },
      {
        mark: { type: 'text', dy: -6, fontSize: 11 },
        encoding: { text: { field: 'pps', type: 'quantitative', format: '.4~s' } },
      },
    ],
  });
};

/** Of each result the first curve that it has. */
export async function latencyCompareChart(
  files: readonly string[],
  results: readonly BenchResult[],
): Promise<string | undefined> {
  const curves = results.flatMap((r, i) => {
    const first = latencyCurves(r)[0];
    return first ? [{ name: `${files[i]}, ${first.name}`, points: first.points }] : [];
  });
  return curves.length ? latencyPercentiles(curves) : undefined;
}
