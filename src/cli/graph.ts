/** `clicklet graph FILE`: the flat graph as data, or as a drawing for Graphviz. */

import type { Command } from 'commander';
import { compilePlan } from '../engine/router.ts';
import { printFlat } from '../graph/print-flat.ts';
import { libraryResolver, readConfig } from './load.ts';
import { definitionsOnly, fileVerb, graphJson, writeTo } from './rewrite.ts';
import { Page } from './tools/pretty-main.ts';
import { GRAPH_TEMPLATE } from './tools/pretty-page.ts';

export function graphCommand(): Command {
  return fileVerb('graph', 'print the graph that runs, compound elements taken apart, as JSON or DOT')
    .option('--json', 'as JSON: elements with their ports, and connections (the default)')
    .option('--dot', "as a graph for Graphviz's dot")
    .action((file: string, words: string[], o) => {
      const config = readConfig(file);
      const { graph } = compilePlan(config.text, config.file, {
        variables: definitionsOnly(words),
        resolveLibrary: libraryResolver(),
      });
      if (o.dot) {
        const page = new Page({ text: printFlat(graph), file: config.file, variables: {} });
        writeTo(o.output, page.graph('dot', GRAPH_TEMPLATE));
        return;
      }
      const { elements, connections } = graphJson(graph);
      const withPorts = elements.map((e, i) => {
        const { inputs, outputs } = graph.elements[i]!;
        return { ...e, inputs, outputs };
      });
      const data = { version: 1, elements: withPorts, connections, configuration: printFlat(graph) };
      writeTo(o.output, `${JSON.stringify(data, null, 2)}\n`);
    });
}
