/** `clicklet pretty FILE`: the configuration as it is written, as a page or as a drawing. */

import { type Command, Option } from 'commander';
import { definitionsOnly, fileVerb, writeTo } from './rewrite.ts';
import { Page } from './tools/pretty-main.ts';
import { GRAPH_TEMPLATE, HTML_TEMPLATE } from './tools/pretty-page.ts';
import { readRouter } from './tools/read.ts';

const GRAPHS = ['dot', 'gml', 'graphml'] as const;

export function prettyCommand(): Command {
  return fileVerb('pretty', 'show a configuration as an HTML page, or as a graph')
    .addOption(new Option('--dot', "write a graph for Graphviz's dot").conflicts(['gml', 'graphml', 'json']))
    .addOption(new Option('--gml', 'write a GML graph').conflicts(['graphml', 'json']))
    .addOption(new Option('--graphml', 'write a GraphML graph').conflicts('json'))
    .option('--class-docs <url>', "link element classes to a URL, '%s' in it being the class")
    .option('--json', 'print the page as JSON, { version, format, text }')
    .action((file: string, words: string[], o) => {
      const { text, file: name } = readRouter({ file });
      const page = new Page({ text, file: name, variables: definitionsOnly(words), classUrl: o.classDocs });
      const format = GRAPHS.find((graph) => o[graph]);
      const result = format ? page.graph(format, GRAPH_TEMPLATE) : page.html(HTML_TEMPLATE);
      if (!o.json) writeTo(o.output, result);
      else writeTo(o.output, `${JSON.stringify({ version: 1, format: 'html', text: result }, null, 2)}\n`);
    });
}
