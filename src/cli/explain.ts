/** `clicklet explain NAME`: what an element does, from its own source. */

import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { packagePath } from '../engine/paths.ts';
import { classTable } from '../engine/table.ts';
import { suggest } from '../lang/suggest.ts';
import { CliError, print } from './output.ts';

/** The documentation block of an element's C file, without the comment's frame. */
export function elementDocumentation(file: string): string {
  const source = readFileSync(packagePath(file), 'utf8');
  const block = /\/\*\*([\s\S]*?)\*\//.exec(source)?.[1] ?? '';
  return `${block
    .split('\n')
    .map((line) => line.replace(/^ ?\* ?/, ''))
    .join('\n')
    .trim()}\n`;
}

export function explainCommand(): Command {
  return new Command('explain')
    .description("print an element's documentation")
    .argument('<name>', 'element class')
    .option('--json', 'print what the class table knows as JSON')
    .action((name: string, o) => {
      const table = classTable();
      const found = table.get(name);
      if (!found) {
        throw new CliError(`no element class '${name}'${suggest(name, table.names())}`);
      }
      print(o.json ? `${JSON.stringify(found, null, 2)}\n` : elementDocumentation(found.file));
    });
}
