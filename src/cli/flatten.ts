/** `clicklet flatten FILE`: the flat graph as a configuration. */

import { Command } from 'commander';
import { compilePlan } from '../engine/router.ts';
import { printFlat } from '../graph/print-flat.ts';
import { libraryResolver, readConfig } from './load.ts';
import { print } from './output.ts';
import { definitionsOnly } from './rewrite.ts';

export function flattenCommand(): Command {
  return new Command('flatten')
    .description('print the configuration without compound elements')
    .argument('<file>', 'configuration file (- for standard input)')
    .argument('[definitions...]', 'NAME=value')
    .option('--json', 'print elements and connections as JSON')
    .action((file: string, words: string[], o) => {
      const config = readConfig(file);
      const { graph } = compilePlan(config.text, config.file, {
        variables: definitionsOnly(words),
        resolveLibrary: libraryResolver(),
      });
      if (!o.json) {
        print(printFlat(graph));
        return;
      }
      const elements = graph.elements.map((e) => ({
        name: e.name,
        class: e.className,
        args: e.args.map((a) => a.text),
        inputs: e.inputs,
        outputs: e.outputs,
        landmark: e.landmark,
      }));
      const connections = graph.connections.map((c) => ({
        from: elements[c.from]!.name,
        fromPort: c.fromPort,
        to: elements[c.to]!.name,
        toPort: c.toPort,
      }));
      print(`${JSON.stringify({ version: 1, elements, connections }, null, 2)}\n`);
    });
}
