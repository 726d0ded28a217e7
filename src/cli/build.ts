/** `clicklet build FILE -o IMAGE`: a guest image that is one router. */

import { statSync } from 'node:fs';
import { Command } from 'commander';
import { buildImage } from '../engine/fuse/image.ts';
import { compilePlan } from '../engine/router.ts';
import { libraryResolver, readConfig, splitDefinitions } from './load.ts';
import { CliError, EXIT, message, print, report } from './output.ts';

export function buildCommand(): Command {
  return new Command('build')
    .description('build a guest image for one configuration: fused, and with only its elements')
    .argument('<file>', 'configuration file (- for standard input)')
    .argument('[definitions...]', 'NAME=value')
    .requiredOption('-o, --output <image>', 'the ELF file to write')
    .option('--json', 'print what was built as JSON')
    .action(async (file: string, words: string[], o) => {
      const { text, file: name } = readConfig(file);
      const { variables, rest } = splitDefinitions(words);
      if (rest.length) throw new CliError(`unexpected '${rest[0]}': expected NAME=value`, EXIT.usage);
      const resolveLibrary = libraryResolver();
      const configuration = compilePlan(text, name, { variables, resolveLibrary, target: 'guest' });
      report(configuration.warnings);
      await buildImage(configuration, o.output);
      const bytes = statSync(o.output).size;
      if (o.json) print(`${JSON.stringify({ version: 1, config: name, image: o.output, bytes }, null, 2)}\n`);
      else message(`${o.output}: ${(bytes / 1024).toFixed(0)} KB\n`);
    });
}
