/** The element graph of a configuration as SVG. */

import type { BenchResult } from './results.ts';

type Graph = NonNullable<BenchResult['dut']['graph']>;

/** Larger graphs are no picture any more. */
const MOST_ELEMENTS = 250;

const quoted = (s: string): string => `"${s.replace(/[\\"]/g, (c) => `\\${c}`)}"`;

/** In the language of Graphviz's dot. Anonymous elements show their class only. */
export function dotOf(g: Graph): string {
  const label = (e: Graph['elements'][number]) =>
    e.name.includes('@') ? e.class : `${e.name.split('/').at(-1)}\\n${e.class}`;
  return [
    'digraph {',
    'rankdir=TB; nodesep=0.25; ranksep=0.35; bgcolor="transparent";',
    'node [shape=box, style="rounded,filled", fillcolor="#f6f8fa", color="#8c959f", fontname="Helvetica", fontsize=11, margin="0.12,0.05", height=0.3];',
    'edge [color="#59636e", arrowsize=0.6, fontname="Helvetica", fontsize=9];',
    ...g.elements.map((e, i) => `n${i} [label=${quoted(label(e)).replaceAll('\\\\n', '\\n')}];`),
    ...g.connections.map(
      ([from, fromPort, to, toPort]) =>
        `n${from} -> n${to} [${fromPort ? `taillabel="${fromPort}"` : ''}${fromPort && toPort ? ', ' : ''}${toPort ? `headlabel="${toPort}"` : ''}];`,
    ),
    '}',
  ].join('\n');
}

/** undefined where there is no graph, or one too large to be seen. */
export async function graphSvg(g: Graph | undefined): Promise<string | undefined> {
  if (!g?.elements.length || g.elements.length > MOST_ELEMENTS) return undefined;
  const { Graphviz } = await import('@hpcc-js/wasm-graphviz');
  const svg = (await Graphviz.load()).layout(dotOf(g), 'svg', 'dot');
  return svg.slice(svg.indexOf('<svg'));
}
