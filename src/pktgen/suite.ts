/** A suite of benchmarks: which configurations, with which streams, compared with which published figures. */

import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { CliError, EXIT } from '../cli/output.ts';
import type { BenchResult, Environment } from './results.ts';

const ReferenceSchema = z.strictObject({
  /** One of `sources`. */
  source: z.string(),
  /** Millions of packets a second; `most`: the upper end, where the figure is a range. */
  mpps: z.number().positive(),
  most: z.number().positive().optional(),
  /** Where it was measured: through a virtual machine, or in a process, which is there for orientation. */
  place: z.enum(['vm', 'process']).default('vm'),
});

const ScenarioSchema = z.strictObject({
  name: z.string().regex(/^[\w-]+$/),
  /** Beside the suite's file; default: ../middleboxes/NAME.click and streams/NAME.yaml. */
  config: z.string().optional(),
  streams: z.string().optional(),
  references: z.array(ReferenceSchema).default([]),
});

const SuiteSchema = z
  .strictObject({ sources: z.record(z.string(), z.string()), scenarios: z.array(ScenarioSchema).min(1) })
  .superRefine((s, context) => {
    for (const [i, x] of s.scenarios.entries())
      for (const [k, r] of x.references.entries())
        if (!(r.source in s.sources))
          context.addIssue({
            code: 'custom',
            path: ['scenarios', i, 'references', k, 'source'],
            message: `no source '${r.source}': there are ${Object.keys(s.sources).join(', ')}`,
          });
  });

export type Reference = z.output<typeof ReferenceSchema>;
export interface Scenario {
  name: string;
  config: string;
  streams: string;
  references: Reference[];
}
export interface Suite {
  sources: Record<string, string>;
  scenarios: Scenario[];
}

/** Read a suite's file. Throws CliError with every mistake. */
export function readSuite(file: string): Suite {
  let value: unknown;
  try {
    value = parse(readFileSync(file, 'utf8'));
  } catch (e) {
    throw new CliError(`${file}: ${(e as Error).message}`, EXIT.input);
  }
  const result = SuiteSchema.safeParse(value);
  if (!result.success)
    throw new CliError(
      result.error.issues.map((i) => `${file}: ${i.path.join('.')}: ${i.message}`).join('\n'),
      EXIT.input,
    );
  const beside = (path: string) => join(dirname(file), path);
  const scenarios = result.data.scenarios.map((s) => ({
    name: s.name,
    config: beside(s.config ?? `../middleboxes/${s.name}.click`),
    streams: beside(s.streams ?? `streams/${s.name}.yaml`),
    references: s.references,
  }));
  return { sources: result.data.sources, scenarios };
}

/** What came of one scenario. */
export interface ScenarioResult {
  name: string;
  config: string;
  size: number | string | null;
  /** Packets a second received: the median of the runs, and each. */
  pps: number | null;
  runs: number[];
  lossRatio: number | null;
  latencyUs: { p50: number; p99: number } | null;
  vmm: string | null;
  engine: string | null;
  /** Why it was not measured. */
  problem: string | null;
  references: (Reference & { ratio: number | null })[];
}

export interface SuiteResult {
  version: 1;
  suite: string;
  sources: Record<string, string>;
  scenarios: ScenarioResult[];
  environment: Environment | null;
}

const median = (list: readonly number[]): number =>
  [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!;

/** One scenario from its runs; the rest of the figures are those of the run at the median. */
export function scenarioResult(
  s: Scenario,
  results: readonly BenchResult[],
  problem: string | null,
): ScenarioResult {
  const trials = results.map((r) => r.trials[0]!);
  const pps = trials.length ? median(trials.map((t) => t.rxPps)) : null;
  const at = trials.find((t) => t.rxPps === pps);
  return {
    name: s.name,
    config: basename(s.config),
    size: at?.size ?? null,
    pps,
    runs: trials.map((t) => t.rxPps),
    lossRatio: at?.lossRatio ?? null,
    latencyUs: at?.latencyUs ? { p50: at.latencyUs.p50, p99: at.latencyUs.p99 } : null,
    vmm: results[0]?.dut.vmm ?? null,
    engine: results[0]?.dut.engine ?? null,
    problem,
    references: s.references.map((r) => ({
      ...r,
      ratio: pps === null ? null : pps / 1e6 / (r.most ?? r.mpps),
    })),
  };
}

/**
 * Runs all scenarios, one after the other; what fails is told and does not stop the others. When `signal` is aborted the
 * result has those that were measured until then; none is an AbortError.
 */
export async function runSuite(
  file: string,
  runs: number,
  bench: (s: Scenario) => Promise<BenchResult>,
  step: (text: string) => void,
  only: readonly string[] = [],
  signal?: AbortSignal,
): Promise<SuiteResult> {
  const suite = readSuite(file);
  const unknown = only.find((name) => !suite.scenarios.some((s) => s.name === name));
  if (unknown !== undefined)
    throw new CliError(
      `${file}: no scenario '${unknown}': there are ${suite.scenarios.map((s) => s.name).join(', ')}`,
      EXIT.usage,
    );
  const scenarios: ScenarioResult[] = [];
  let environment: Environment | null = null;
  for (const s of suite.scenarios) {
    if (only.length && !only.includes(s.name)) continue;
    const results: BenchResult[] = [];
    let problem: string | null = null;
    const missing = [s.config, s.streams].find((f) => !existsSync(f));
    if (missing) problem = `there is no ${basename(missing)}`;
    for (let i = 0; !problem && i < runs; i++) {
      step(`${s.name}, run ${i + 1} of ${runs}`);
      try {
        results.push(await bench(s));
      } catch (e) {
        if (signal?.aborted) break;
        if (!(e instanceof Error)) throw e;
        problem = e.message;
      }
    }
    if (signal?.aborted && results.length < runs) break;
    environment = results.at(-1)?.environment ?? environment;
    scenarios.push(scenarioResult(s, results, problem));
  }
  if (!scenarios.length) signal?.throwIfAborted();
  return { version: 1, suite: basename(file), sources: suite.sources, scenarios, environment };
}
