/** Flat graph to configuration text, laid out as click-flatten and the `config` handler do. */

import { quote } from '../lang/config-string.ts';
import type { FlatConnection, FlatGraph } from './flat-graph.ts';

export interface PrintFlatOptions {
  /** Precede declarations by `# line "file"` directives, as click-flatten does. */
  lineDirectives?: boolean;
  /** Repeat the outermost `define`s: for graphs elaborated without expanding variables. */
  definitions?: boolean;
}

/** Print a flat graph: requirements, definitions, declarations, then connections in chains. */
export function printFlat(graph: FlatGraph, options: PrintFlatOptions = {}): string {
  const lines: string[] = [];
  if (graph.requirements.length > 0) {
    const entries = graph.requirements.map(({ type, value }) => (value ? `${type} ${quote(value)}` : type));
    lines.push(`require(${entries.join(', ')});`, '');
  }
  if (options.definitions && graph.definitions.length > 0) {
    const entries = graph.definitions.map(({ name, value }) => `$${name} ${value}`);
    lines.push(`define(${entries.join(', ')});`, '');
  }
  for (const { name, className, configText, landmark } of graph.elements) {
    if (options.lineDirectives) {
      // What a pass made up has no line.
      const [, file, line] = /^(.*):(.*)$/s.exec(landmark) ?? [landmark, landmark, '0'];
      lines.push(`# ${line} "${file}"`);
    }
    lines.push(`${name} :: ${className}${configText === '' ? '' : `(${configText})`};`);
  }
  const chains = connectionChains(
    graph.elements.map(({ name }) => name),
    graph.connections,
  );
  if (graph.connections.length > 0) {
    if (options.lineDirectives) {
      const text = lines.join('\n');
      lines.push(`# ${text === '' ? 2 : text.split('\n').length + 2} ""`);
    } else if (graph.elements.length > 0) lines.push('');
  }
  return [...lines, ...chains].map((line) => `${line}\n`).join('');
}

type Connection = Pick<FlatConnection, 'from' | 'fromPort' | 'to' | 'toPort'>;

/** Connections as statements, `a -> b [1] -> c`, each connection in exactly one. */
export function connectionChains(names: readonly string[], connections: readonly Connection[]): string[] {
  const next = nextInChain(connections);
  const starts = new Array<boolean>(connections.length).fill(true);
  for (const follower of next) if (follower !== undefined) starts[follower] = false;
  const used = new Array<boolean>(connections.length).fill(false);
  const chains: string[] = [];
  const printFrom = (start: number) => {
    const { from, fromPort } = connections[start]!;
    let text = names[from]! + (fromPort > 0 ? ` [${fromPort}]` : '');
    let at: number | undefined = start;
    while (at !== undefined && !used[at]) {
      const { to, toPort }: Connection = connections[at]!;
      text += `${at === start ? ' -> ' : '\n    -> '}${toPort > 0 ? `[${toPort}] ` : ''}${names[to]}`;
      used[at] = true;
      at = next[at];
    }
    chains.push(`${text};`);
  };
  for (let i = 0; i < connections.length; i++) if (starts[i] && !used[i]) printFrom(i);
  for (let i = 0; i < connections.length; i++) if (!used[i]) printFrom(i);
  return chains;
}

/**
 * For each connection into port 0 of an element, the connection out of that element's port 0 that
 * continues its chain: the first that itself goes to a port 0, or else the last.
 */
function nextInChain(connections: readonly Connection[]): (number | undefined)[] {
  const fromPortZero = new Map<number, number[]>();
  for (const [i, { from, fromPort }] of connections.entries()) {
    if (fromPort !== 0) continue;
    const list = fromPortZero.get(from);
    if (list) list.push(i);
    else fromPortZero.set(from, [i]);
  }
  return connections.map(({ to, toPort }, i) => {
    if (toPort !== 0) return undefined;
    const candidates = (fromPortZero.get(to) ?? []).filter((candidate) => candidate !== i);
    return candidates.find((candidate) => connections[candidate]!.toPort === 0) ?? candidates.at(-1);
  });
}
