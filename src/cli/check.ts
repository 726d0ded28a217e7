/** `clicklet check FILE`: every mistake of a configuration, located, without running it. */

import { Command } from 'commander';
import { ConfigurationError, checkArguments, compilePlan } from '../engine/router.ts';
import type { Diagnostic } from '../lang/diagnostics.ts';
import { libraryResolver, readConfig, splitDefinitions } from './load.ts';
import { diagnosticsJson, EXIT, print, report } from './output.ts';

export function checkCommand(): Command {
  return new Command('check')
    .description('check a configuration and report every mistake')
    .argument('<file>', 'configuration file (- for standard input)')
    .argument('[definitions...]', 'NAME=value')
    .option('--target <target>', 'process or vm', 'process')
    .option('--json', 'print the result as JSON')
    .action(async (file: string, words: string[], o) => {
      const config = readConfig(file);
      const { variables } = splitDefinitions(words);
      let list: readonly Diagnostic[] = [];
      try {
        const compiled = compilePlan(config.text, config.file, {
          variables,
          resolveLibrary: libraryResolver(),
          target: o.target === 'vm' ? 'guest' : 'host',
        });
        list = [...compiled.warnings, ...checkArguments(compiled)];
      } catch (e) {
        if (!(e instanceof ConfigurationError)) throw e;
        list = e.diagnostics;
      }
      const ok = !list.some((d) => d.severity === 'error');
      if (o.json)
        print(`${JSON.stringify({ version: 1, ok, diagnostics: diagnosticsJson(list) }, null, 2)}\n`);
      else report(list);
      process.exitCode = ok ? EXIT.ok : EXIT.input;
    });
}
