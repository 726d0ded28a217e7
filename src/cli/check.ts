/** `clicklet check FILE`: every mistake of a configuration, located, without running it. */

import { Command, Option } from 'commander';
import { checkRequirements } from '../engine/requirements.ts';
import { ConfigurationError, checkArguments, compilePlan } from '../engine/router.ts';
import type { Diagnostic } from '../lang/diagnostics.ts';
import { libraryResolver, readConfig } from './load.ts';
import { diagnosticsJson, EXIT, print, report } from './output.ts';
import { definitionsOnly } from './rewrite.ts';

export function checkCommand(): Command {
  return new Command('check')
    .description('check a configuration and report every mistake')
    .argument('<file>', 'configuration file (- for standard input)')
    .argument('[definitions...]', 'NAME=value')
    .addOption(
      new Option('--target <target>', 'where it is to run').choices(['process', 'vm']).default('process'),
    )
    .option('--json', 'print the result as JSON')
    .action(async (file: string, words: string[], o) => {
      const config = readConfig(file);
      const variables = definitionsOnly(words);
      let list: readonly Diagnostic[] = [];
      try {
        const compiled = compilePlan(config.text, config.file, {
          variables,
          resolveLibrary: libraryResolver(),
          target: o.target === 'vm' ? 'guest' : 'host',
        });
        list = [...compiled.warnings, ...checkRequirements(compiled.graph), ...checkArguments(compiled)];
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
