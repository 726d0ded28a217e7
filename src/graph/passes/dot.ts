/** Graphs of a configuration as it is written, for drawing programs: Graphviz, GML and GraphML. */

import type { Processing } from '../codes.ts';
import type { Outline, OutlineElement } from './outline.ts';

/** The text shown for an element. */
export type Label = (element: OutlineElement) => string;

function nodes({ elements }: Outline): readonly OutlineElement[] {
  return elements.filter(({ tunnel }) => !tunnel);
}

export function toDot(outline: Outline, label: Label): string {
  const ports = (letter: string, list: readonly unknown[]) =>
    `{${list.map((_, port) => `<${letter}${port}>`).join('|')}}`;
  const lines = nodes(outline).map((e) => {
    const parts = [label(e)];
    if (e.inputs.length > 0) parts.unshift(ports('i', e.inputs));
    if (e.outputs.length > 0) parts.push(ports('o', e.outputs));
    const text = e.inputs.length + e.outputs.length > 0 ? `{${parts.join('|')}}` : parts[0]!;
    return `  "${e.name}" [label="${text}"];`;
  });
  for (const { from, fromPort, to, toPort } of outline.connections)
    lines.push(
      `  "${outline.elements[from]!.name}":o${fromPort} -> "${outline.elements[to]!.name}":i${toPort};`,
    );
  return `digraph clickrouter {
  node [shape=record,height=.1]
  edge [arrowhead=normal,arrowtail=none,tailclip=false]
${lines.map((line) => `${line}\n`).join('')}}
`;
}

export function toGml(outline: Outline, label: Label): string {
  /** Where on an edge of the node, from -1 to 1, a port is. */
  const anchor = (count: number, port: number) => (-(count - 1) / count + port / count).toFixed(6);
  let text = 'Creator "click-pretty"\ngraph\n[ hierarchic 1\n  directed 1\n';
  for (const e of nodes(outline)) text += `  node\n  [ id ${e.index}\n    label "${label(e)}"\n  ]\n`;
  for (const { from, fromPort, to, toPort } of outline.connections) {
    const source = anchor(outline.elements[from]!.outputs.length, fromPort);
    const target = anchor(outline.elements[to]!.inputs.length, toPort);
    text += `  edge\n  [ source ${from}\n    target ${to}\n    edgeAnchor\n    [ xSource ${source}\n      xTarget ${target}\n`;
    text += '      ySource 1\n      yTarget -1\n    ]\n  ]\n';
  }
  return `${text}]\n`;
}

export function toGraphMl(outline: Outline, label: Label): string {
  let text = `<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">
<key id="kn" for="node" attr.name="name" attr.type="string" />
<key id="kc" for="node" attr.name="class" attr.type="string" />
<key id="kp" for="port" attr.name="processing" attr.type="string">
  <default>a</default>
</key>
<graph id="G" edgedefault="directed">
`;
  for (const [i, e] of nodes(outline).entries()) {
    text += `  <node id="n${i}" parse.indegree="${e.inputs.length}" parse.outdegree="${e.outputs.length}">\n`;
    text += `    <data key="kn">${e.name}</data> <data key="kc">${label(e)}</data>\n`;
    const port = (name: string, processing: Processing, own: Processing | undefined) => {
      text += `    <port name="${name}"> <data key="kp">${decoratedLetter(processing, own)}</data> </port>\n`;
    };
    for (const [k, processing] of e.inputs.entries()) port(`i${k}`, processing, e.ownInputs[k]);
    for (const [k, processing] of e.outputs.entries()) port(`o${k}`, processing, e.ownOutputs[k]);
    text += '  </node>\n';
  }
  for (const [i, { from, fromPort, to, toPort }] of outline.connections.entries())
    text += `  <edge id="e${i}" source="n${from}" target="n${to}" sourceport="o${fromPort}" targetport="i${toPort}" />\n`;
  return `${text}</graph>\n</graphml>\n`;
}

/** `h` or `l`; a capital where the element's class would have taken either. */
function decoratedLetter(processing: Processing, own: Processing | undefined): string {
  const letter = processing === 'pull' ? 'l' : 'h';
  return own === 'agnostic' ? letter.toUpperCase() : letter;
}
