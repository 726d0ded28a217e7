/** `click-flatten`: the configuration without compound elements, or lists of what is in it. */

import { printRouter, readFlat, runTool, type ToolLine, writeOutput, writeRouter } from './tool.ts';

const ACTIONS = ['classes', 'names', 'declarations', 'config'];

void runTool(
  {
    name: 'click-flatten',
    about: 'Prints a Click configuration without its compound elements: what they contain takes their place.',
    options: [
      { id: 'classes', long: 'classes', short: 'c', help: 'List the element classes in use.' },
      { id: 'names', long: 'names', short: 'n', help: 'List the names of the elements.' },
      { id: 'names', long: 'elements', short: 'n' },
      {
        id: 'declarations',
        long: 'declarations',
        short: 'd',
        help: 'List the declarations of the elements.',
      },
      { id: 'declarations', long: 'decls', short: 'd' },
      { id: 'config', long: 'config', help: 'Write the configuration only, never an archive.' },
      {
        id: 'expand',
        long: 'expand-vars',
        negatable: true,
        help: 'Expand variables of the outermost scope.',
      },
    ],
  },
  (line) => {
    const expand = line.has('expand');
    const router = readFlat(line, { expandVariables: expand });
    const graph = expand ? { ...router.graph, definitions: [] } : router.graph;
    const { elements } = graph;
    const action = lastAction(line);
    if (action === undefined) writeRouter(line.output, graph, router.archive);
    else if (action === 'config') writeOutput(line.output, printRouter(graph));
    else if (action === 'classes') writeSorted(line, [...new Set(elements.map((e) => e.className))]);
    else if (action === 'names')
      writeSorted(
        line,
        elements.map((e) => e.name),
      );
    else
      writeSorted(
        line,
        elements.map((e) => `${e.name} :: ${e.className}`),
      );
    return 0;
  },
);

function lastAction(line: ToolLine): string | undefined {
  return line.given.filter(({ id }) => id !== undefined && ACTIONS.includes(id)).at(-1)?.id;
}

function writeSorted(line: ToolLine, words: readonly string[]): void {
  writeOutput(
    line.output,
    [...words]
      .sort(byBytes)
      .map((word) => `${word}\n`)
      .join(''),
  );
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
