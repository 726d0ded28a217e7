/** `clicklet combine NAME=FILE... LINK...`: several routers in one, linked at their devices. */

import { Command } from 'commander';
import { type CombineMessages, combine, type Link, parseLink } from '../graph/passes/combine.ts';
import { CliError, EXIT, message } from './output.ts';
import { JSON_OPTION, readFlatFile, writeGraph } from './rewrite.ts';
import { archiveOf } from './tools/combine-archive.ts';

export function combineCommand(): Command {
  return new Command('combine')
    .description('combine several configurations into one, linked at their network devices')
    .argument('<parts...>', 'NAME=FILE for a router, NAME1.DEVICE1=NAME2.DEVICE2 for a link')
    .option('-o, --output <file>', 'write to a file instead of standard output')
    .option('--config', 'write the configuration only, no archive: uncombine cannot take that apart')
    .option(...JSON_OPTION)
    .action((parts: string[], o) => {
      let failed = false;
      const say: CombineMessages = {
        error: (text) => {
          message(`clicklet: ${text}\n`);
          failed = true;
        },
        warning: (text) => message(`clicklet: warning: ${text}\n`),
      };
      const routers: [name: string, file: string][] = [];
      const linkTexts: string[] = [];
      for (const part of parts) {
        const [, name, rest] = /^([\w@./-]+)=(.*)$/s.exec(part) ?? [];
        if (name === undefined) throw new CliError(`'${part}' is neither NAME=FILE nor a link`, EXIT.usage);
        if (name.includes('.')) linkTexts.push(part);
        else if (!/^[\w@]+(\/[\w@]+)*$/.test(name))
          throw new CliError(`'${name}' is no router's name: letters, digits and _ only`, EXIT.usage);
        else if (routers.some(([other]) => other === name))
          throw new CliError(`two routers named '${name}'`, EXIT.usage);
        else routers.push([name, rest!]);
      }
      if (routers.length === 0) throw new CliError('no routers given, as NAME=FILE', EXIT.usage);
      const components = routers.map(([name, file]) => ({ name, ...readFlatFile(file) }));
      const links = linkTexts
        .map((text) => parseLink(text, components, say))
        .filter((link): link is Link => link !== undefined);
      const combined = failed ? undefined : combine(components, links, say);
      if (!combined) {
        process.exitCode = EXIT.input;
        return;
      }
      if (links.length === 0) say.warning('no links between routers');
      writeGraph(combined, o, {
        archive: o.config ? [] : archiveOf(components, links.length > 0),
        json: { components: routers.map(([name]) => name) },
      });
    });
}
