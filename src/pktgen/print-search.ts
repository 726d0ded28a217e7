/** What a search found, for people. */

import { plainTable } from '../cli/table.ts';
import { exactRate, micro, mpps, percent } from './print.ts';
import type { GoalJson, SearchResult, SearchSize, SearchTrial } from './schema-search.ts';
import type { Summary } from './stats.ts';

export const seconds = (s: number): string =>
  s < 1e-3 ? `${(s * 1e6).toFixed(1)} µs` : s < 1 ? `${(s * 1e3).toFixed(2)} ms` : `${s.toFixed(2)} s`;

/** The mean with its confidence interval, or the one value. */
export const withInterval = (s: Summary, unit: (x: number) => string): string =>
  s.ci95
    ? `${unit(s.mean)} (95 %: ${unit(Math.max(0, s.ci95.low))} to ${unit(s.ci95.high)}, n ${s.n})`
    : unit(s.mean);

/** Where a goal's rate lies. */
export const boundsText = (g: GoalJson): string =>
  `${g.lowerPps === null ? 'none' : exactRate(g.lowerPps)} to ${g.upperPps === null ? 'none' : exactRate(g.upperPps)}`;

export function searchText(s: SearchResult): string[] {
  const sizes = s.sizes ?? [];
  const lines = s.method === 'mlr' ? mlrText(sizes) : sizes.flatMap(rfc2544Text);
  for (const size of sizes) {
    if (size.latency.length) lines.push('', ...latencyText(size));
    if (size.generatorLimited)
      lines.push(
        `size ${size.size}: this is close to what the generator can do alone (${mpps(size.generatorMaxPps!)}); the router may be faster`,
      );
  }
  for (const size of sizes) lines.push(...hostText(size).map((x) => `size ${size.size}: ${x}`));
  if (s.standards)
    lines.push(
      '',
      `By ${s.standards.join(', ')}, but: ${s.deviations!.join('; ')}`,
      `Loads are of all streams together${s.sendingPorts! > 1 ? `: per port divide by ${s.sendingPorts}` : ''}; each trial follows ${s.rampS} s of traffic that is not counted`,
    );
  return lines;
}

/** What the host did to the trials: sentences for people. */
export function hostText(s: SearchSize): string[] {
  const lines: string[] = [];
  const total = (f: (t: SearchTrial) => number) => s.trials.reduce((n, t) => n + f(t), 0);
  const repeated = total((t) => t.repeated ?? 0);
  const excused = total((t) => t.excusedPackets ?? 0);
  const elapsed = total((t) => (t.heldUpS ? t.durationS : 0));
  const share = (side: 'generator' | 'router') => percent(total((t) => t.heldUpS?.[side] ?? 0) / elapsed);
  if (s.heldUpTrials || repeated)
    lines.push(
      `the host disturbed trials: ${repeated} were repeated, ${s.heldUpTrials} of ${s.trials.length} stayed disturbed${s.heldUpTrials ? ': repeat on a quiet machine' : ''}`,
    );
  if (s.heldUpTrials > s.trials.length / 2)
    lines.push('most trials were disturbed: the rates found were forwarded, but the router may bear more');
  if (elapsed && (s.heldUpTrials || repeated || excused))
    lines.push(
      `the host kept the generator from running for ${share('generator')} of the time, the router for ${share('router')}; ${excused} packets that were refused meanwhile do not count as lost`,
    );
  return lines;
}

function mlrText(sizes: readonly SearchSize[]): string[] {
  const head = ['size', 'goal', 'loss allowed', 'throughput', 'between', 'trials'];
  const rows = sizes.flatMap((s) =>
    s.goals.map((g) => [
      String(s.size),
      g.name,
      percent(g.lossRatio),
      exactRate(g.throughputPps),
      boundsText(g),
      String(s.trials.filter((t) => t.run === g.run).length),
    ]),
  );
  const lines = plainTable(head, rows, 'right').trimEnd().split('\n');
  for (const s of sizes) {
    if (s.repeats) {
      lines.push(
        `size ${s.size}, NDR of ${s.repeats.ndr.n} searches: ${withInterval(s.repeats.ndr, exactRate)}`,
      );
      if (s.repeats.pdr) lines.push(`size ${s.size}, PDR: ${withInterval(s.repeats.pdr, exactRate)}`);
    }
    for (const g of s.goals)
      if (!g.regular) lines.push(`size ${s.size}: ${g.name} has no bounds on both sides: ${g.why}`);
  }
  return lines;
}

function rfc2544Text(s: SearchSize): string[] {
  const r = s.rfc2544!;
  const lines = [
    `size ${s.size}`,
    `  throughput      ${exactRate(r.throughputPps ?? 0)}${r.failedPps === null ? ', the highest load: there may be more' : `; with loss from ${exactRate(r.failedPps)}`}`,
  ];
  if (r.lossCurve)
    for (const [i, p] of r.lossCurve.entries())
      lines.push(
        `  ${i ? '              ' : 'frame loss    '}  ${percent(p.lossRatio.mean)} at ${mpps(p.load)}`,
      );
  const b = r.backToBack;
  if (b?.frames)
    lines.push(
      `  back-to-back    ${withInterval(b.frames, (x) => x.toFixed(0))} frames${b.limited ? ' or more' : ''}: buffers of ${seconds(b.correctedBufferS)} (${seconds(b.impliedBufferS)} uncorrected)`,
    );
  if (r.recovery)
    lines.push(
      `  recovery        ${withInterval(r.recovery.seconds, seconds)} after ${mpps(r.recovery.overloadPps)}, to within ${seconds(r.recovery.resolutionS)}`,
    );
  if (r.reset)
    lines.push(
      `  reset           ${withInterval(r.reset.byLossS, seconds)} by packets lost, ${withInterval(r.reset.byTimeS, seconds)} by the clock to within ${seconds(r.reset.resolutionS)}`,
    );
  for (const x of r.skipped) lines.push(`  ${x.test.padEnd(15)} none: ${x.why}`);
  return lines;
}

function latencyText(s: SearchSize): string[] {
  const head = ['size', 'latency at', 'load', 'loss', 'p50', 'p90', 'p99', 'p99.9', 'p99.99', 'max'];
  const rows = s.latency.map((l) => [
    String(s.size),
    l.label,
    mpps(l.load),
    percent(l.lossRatio),
    ...(['p50', 'p90', 'p99', 'p999', 'p9999', 'max'] as const).map((k) => micro(l.latencyUs?.[k])),
  ]);
  const lines = plainTable(head, rows, 'right').trimEnd().split('\n');
  for (const l of s.latency)
    if (l.repeats)
      lines.push(
        `size ${s.size}, ${l.repeats.typicalUs.n} trials (RFC 8219): typical ${withInterval(l.repeats.typicalUs, micro)}, worst case ${withInterval(l.repeats.worstUs, micro)}, delay variation ${withInterval(l.repeats.pdvUs, micro)}`,
      );
  return lines;
}
