/** `clicklet up`: start what is missing of a topology. */

import { Command } from 'commander';
import { ConfigurationError } from '../engine/router.ts';
import { type Diagnostic, Diagnostics } from '../lang/diagnostics.ts';
import { loadTopology, type TopologyRouter } from '../topology/load.ts';
import { tapExists } from '../topology/taps.ts';
import { type UpResult, up } from '../topology/up.ts';
import { parsePort } from '../vm/ports.ts';
import { alive, list } from '../vm/registry.ts';
import { libraryResolver, readConfig } from './load.ts';
import { EXIT, message, print, report } from './output.ts';

export const DEFAULT_TOPOLOGY = 'clicklet.yaml';

/** A counter on a terminal, nothing elsewhere. */
export function counter(what: string, json: boolean): ((done: number, all: number) => void) | undefined {
  if (json || !process.stderr.isTTY) return undefined;
  return (done, all) => message(`\r${what} ${done} of ${all}${done === all ? '\n' : ''}`);
}

/** TAPs that running routers hold are there, even if somebody has moved them to a namespace. */
function heldTaps(): Set<string> {
  const ports = list().flatMap((r) => (alive(r) ? r.ports.map(parsePort) : []));
  return new Set(ports.flatMap(({ kind, arg }) => (kind === 'tap' ? [arg] : [])));
}

export function upCommand(): Command {
  return new Command('up')
    .description('start what is missing of a topology: routers, links, switches')
    .argument('[file]', 'topology file', DEFAULT_TOPOLOGY)
    .option('--at-once <n>', 'boots at the same time (default: twice the CPUs)')
    .option('--json', 'print what was done as JSON')
    .action(async (file: string, o) => {
      const { text } = readConfig(file);
      const held = heldTaps();
      const topology = loadTopology(file, text, {
        isTap: (name) => held.has(name) || tapExists(name),
        resolveLibrary: libraryResolver(),
      });
      const onProgress = counter('booted', o.json);
      const result = await up(topology, {
        ...(o.atOnce !== undefined && { atOnce: Math.max(1, Number(o.atOnce) || 1) }),
        ...(onProgress && { onProgress }),
      });
      if (o.json) print(`${JSON.stringify(asJson(topology.name, topology.file, result), null, 2)}\n`);
      else {
        const { started, running, ms } = result;
        message(
          `${topology.name}: started ${started.length}, running already ${running.length}, in ${(ms / 1000).toFixed(2)} s\n`,
        );
      }
      tell(result);
      if (result.failed.length) process.exitCode = EXIT.input;
      else if (result.tapErrors.length) process.exitCode = EXIT.host;
    });
}

/** As the shell takes them. */
const definitions = (vars: Record<string, string>): string[] =>
  Object.entries(vars).map(([name, value]) =>
    /^[\w.,:/-]*$/.test(value) ? `${name}=${value}` : `'${name}=${value.replaceAll("'", "'\\''")}'`,
  );

/** What people should know beyond the numbers. */
function tell({ changed, orphans, failed, tapErrors }: UpResult): void {
  const diagnostics = new Diagnostics();
  for (const { message } of tapErrors) diagnostics.error(undefined, message);
  for (const { router, error } of failed) failure(diagnostics, router, error);
  for (const { name, file, vars, span } of changed)
    diagnostics.warning(
      span,
      `'${name}' runs with something else than is described here: clicklet swap ${[name, file, ...definitions(vars)].join(' ')}, or clicklet rm -f ${name} and up again`,
    );
  for (const name of orphans)
    diagnostics.warning(
      undefined,
      `'${name}' is no longer in the file and still there: clicklet rm -f ${name}`,
    );
  report(diagnostics.list);
}

function failure(diagnostics: Diagnostics, { name, span }: TopologyRouter, error: Error): void {
  if (error instanceof ConfigurationError) {
    const [first] = error.diagnostics as [Diagnostic, ...Diagnostic[]];
    diagnostics.error(first.span, first.message, [{ message: `configuration of '${name}'`, span }]);
  } else diagnostics.error(span, `'${name}' does not boot: ${error.message}`);
}

function asJson(name: string, file: string, r: UpResult) {
  return {
    version: 1,
    topology: name,
    file,
    started: r.started,
    running: r.running,
    changed: r.changed.map((c) => c.name),
    orphans: r.orphans,
    failed: r.failed.map(({ router, error }) => ({ name: router.name, error: error.message })),
    tapErrors: r.tapErrors.map((e) => e.message),
    switches: r.switches,
    ms: r.ms,
  };
}
