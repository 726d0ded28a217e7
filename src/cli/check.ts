/** `clicklet check FILE`: every mistake of a configuration, located, without running it. */

import { Command, Option } from 'commander';
import { checkRequirements } from '../engine/requirements.ts';
import { type Configuration, ConfigurationError, checkArguments, compilePlan } from '../engine/router.ts';
import type { Diagnostic } from '../lang/diagnostics.ts';
import { libraryResolver, readConfig } from './load.ts';
import { diagnosticsJson, EXIT, print, report } from './output.ts';
import { definitionsOnly } from './rewrite.ts';
import { threadCount } from './run-router.ts';
import { plainTable } from './table.ts';

/** Which threads have each element, and where packets change threads. */
function threadReport({ graph, threads }: Configuration) {
  if (!threads) return undefined;
  const of = (mask: number) => [...Array(threads.count).keys()].filter((t) => (mask >> t) & 1);
  return {
    count: threads.count,
    elements: graph.elements.map((e, i) => ({ name: e.name, threads: of(threads.masks[i]!) })),
    crossings: threads.crossings.map((c) => ({
      from: graph.elements[c.from]!.name,
      fromPort: c.fromPort,
      to: graph.elements[c.to]!.name,
      toPort: c.toPort,
    })),
  };
}

function threadText({ elements, crossings }: NonNullable<ReturnType<typeof threadReport>>): string {
  const rows = elements.map((e) => [e.name, e.threads.join(',')]);
  const lines = plainTable(['ELEMENT', 'THREADS'], rows);
  const crossing = crossings.map(
    ({ from, fromPort, to, toPort }) => `${from}[${fromPort}] -> [${toPort}]${to} changes threads\n`,
  );
  return `${lines}${crossing.join('')}`;
}

export function checkCommand(): Command {
  return new Command('check')
    .description('check a configuration and report every mistake')
    .argument('<file>', 'configuration file (- for standard input)')
    .argument('[definitions...]', 'NAME=value')
    .addOption(
      new Option('--target <target>', 'where it is to run').choices(['process', 'vm']).default('process'),
    )
    .option('--threads <n>', 'also say which of so many engine threads has each element')
    .option('--json', 'print the result as JSON')
    .action(async (file: string, words: string[], o) => {
      const config = readConfig(file);
      const variables = definitionsOnly(words);
      const count = o.threads ? threadCount(o.threads, '--threads') : 1;
      let list: readonly Diagnostic[] = [];
      let threads: ReturnType<typeof threadReport> | undefined;
      try {
        const compiled = compilePlan(config.text, config.file, {
          variables,
          resolveLibrary: libraryResolver(),
          target: o.target === 'vm' ? 'guest' : 'host',
          threads: count,
        });
        threads = threadReport(compiled);
        list = [...compiled.warnings, ...checkRequirements(compiled.graph), ...checkArguments(compiled)];
      } catch (e) {
        if (!(e instanceof ConfigurationError)) throw e;
        list = e.diagnostics;
      }
      const ok = !list.some((d) => d.severity === 'error');
      if (o.json)
        print(
          `${JSON.stringify({ version: 1, ok, diagnostics: diagnosticsJson(list), ...(threads && { threads }) }, null, 2)}\n`,
        );
      else {
        report(list);
        if (threads) print(threadText(threads));
      }
      process.exitCode = ok ? EXIT.ok : EXIT.input;
    });
}
