/** Graphs for the passes: text in, text out, with the few element classes the tests use. */

import { elaborate } from '../../../src/elaborate/index.ts';
import { ClassTable } from '../../../src/graph/class-table.ts';
import type { FlatGraph } from '../../../src/graph/flat-graph.ts';
import { printFlat } from '../../../src/graph/print-flat.ts';
import { Diagnostics } from '../../../src/lang/diagnostics.ts';
import { parse } from '../../../src/lang/parse.ts';

const CLASSES: [name: string, ports: string, processing: string, flow?: string, flags?: string][] = [
  ['Idle', '-/-', 'a/a', 'x/y', 'S0'],
  ['InfiniteSource', '0/1', '/a', 'x/x', 'S1'],
  ['FromDevice', '0/1', '/h', 'x/x', 'S3'],
  ['ToDump', '1/0-1', 'a/h', 'x/x', 'S2'],
  ['Queue', '1/1', 'h/l'],
  ['RoundRobinSched', '1-/1', 'l/l', 'x/x', 'S0'],
  ['StaticSwitch', '1/-', 'h/h'],
  ['ARPQuerier', '2/1-2', 'h/h', 'xy/x', 'L2'],
  ['Classifier', '1/-', 'h/h', 'x/x', 'A'],
  ['CheckIPHeader', '1/1-2', 'a/ah', 'x/x', 'A'],
  ['Discard', '1/0', 'a/'],
  ['Counter', '1/1', 'a/a'],
  ['Unqueue', '1/1', 'l/h'],
];

export const classes = ClassTable.fromJson({
  version: 1,
  classes: CLASSES.map(([name, ports, processing, flow = 'x/x', flags = '']) => ({
    name,
    ports,
    processing,
    flow,
    flags,
  })),
});

export function flat(text: string): FlatGraph {
  const diagnostics = new Diagnostics();
  const graph = elaborate(
    parse(text, 'config', diagnostics),
    { order: 'tool', expandVariables: false },
    diagnostics,
  );
  if (diagnostics.hasErrors) throw new Error(diagnostics.list.map((d) => d.message).join('\n'));
  return graph;
}

export function lines(graph: FlatGraph): string[] {
  return printFlat(graph).trimEnd().split('\n');
}
