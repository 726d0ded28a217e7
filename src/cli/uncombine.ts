/** `clicklet uncombine FILE COMPONENT`: one component of what `clicklet combine` made. */

import { Command } from 'commander';
import { uncombine } from '../graph/passes/uncombine.ts';
import { CliError, message } from './output.ts';
import { JSON_OPTION, readFlatFile, writeGraph } from './rewrite.ts';
import { newMember } from './tools/archive.ts';
import { decode } from './tools/read.ts';

export function uncombineCommand(): Command {
  return new Command('uncombine')
    .description('take one component out of what combine made')
    .argument('<file>', 'combined configuration (- for standard input)')
    .argument('<component>', 'its name, or OUTER/INNER where combined routers were combined again')
    .option('-o, --output <file>', 'write to a file instead of standard output')
    .option(...JSON_OPTION)
    .action((file: string, component: string, o) => {
      const router = readFlatFile(file);
      const map = router.archive.find(({ name }) => name === 'componentmap');
      if (!map) throw new CliError(`${file}: not made by combine (no 'componentmap')`);
      let names = decode(map.data).split(/\s+/).filter(Boolean);
      let { graph } = router;
      const errors: string[] = [];
      for (const part of component.split('/')) {
        if (!names.includes(part))
          throw new CliError(`${file}: no component '${component}': there are ${names.join(', ') || 'none'}`);
        graph = uncombine(graph, part, (text) => errors.push(text));
        names = names.filter((name) => name.startsWith(`${part}/`)).map((n) => n.slice(part.length + 1));
      }
      for (const text of errors) message(`clicklet: ${text}\n`);
      if (errors.length) throw new CliError(`${file}: component '${component}' cannot be taken out`);
      const others = router.archive.filter(({ name }) => name !== 'componentmap');
      const left = names.length ? [newMember('componentmap', names.map((n) => `${n}\n`).join(''))] : [];
      writeGraph(graph, o, { archive: [...others, ...left], json: { component } });
    });
}
