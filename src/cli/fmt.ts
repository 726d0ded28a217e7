/** `clicklet fmt FILE...`: configurations laid out the usual way. */

import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { ConfigurationError } from '../engine/router.ts';
import { Diagnostics } from '../lang/diagnostics.ts';
import { parse } from '../lang/parse.ts';
import { printAst } from '../lang/printer.ts';
import { readConfig } from './load.ts';
import { CliError, EXIT, message, print } from './output.ts';

export function fmtCommand(): Command {
  return new Command('fmt')
    .description('lay a configuration out the usual way, comments kept')
    .argument('<files...>', 'configuration files (- for standard input)')
    .option('--check', 'name the files that would change, and exit 1 if there are any')
    .option('--write', 'write the files instead of printing them')
    .option('--json', 'print what came of each file as JSON')
    .action((files: string[], o) => {
      if (o.check && o.write) throw new CliError('--check and --write exclude each other', EXIT.usage);
      if (o.write && files.includes('-')) throw new CliError('--write needs a file, not -', EXIT.usage);
      const results = files.map((name) => {
        const { text, file } = readConfig(name);
        const configuration = format(text, file);
        return { file: name, changed: configuration !== text, configuration };
      });
      for (const { file, changed, configuration } of results) {
        if (o.write) changed && writeFileSync(file, configuration);
        else if (o.check) changed && !o.json && message(`${file}: would be laid out differently\n`);
        else if (!o.json) print(configuration);
      }
      if (o.json) print(`${JSON.stringify({ version: 1, files: results }, null, 2)}\n`);
      if (o.check && results.some(({ changed }) => changed)) process.exitCode = EXIT.input;
    });
}

/** Throws ConfigurationError for text that cannot be read. */
function format(text: string, file: string): string {
  const diagnostics = new Diagnostics();
  const ast = parse(text, file, diagnostics);
  for (const { offset } of ast.source.lineMarkers.slice(0, 1)) {
    const span = { source: ast.source, start: offset, end: offset + 1 };
    diagnostics.error(span, 'line directives would be lost: lay out the file that this one was made from');
  }
  if (diagnostics.hasErrors) throw new ConfigurationError(diagnostics.list);
  return printAst(ast);
}
