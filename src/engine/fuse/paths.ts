/** Which connections of a graph can be fused, and how packets then travel along each. */

import type { FlatConnection } from '../../graph/flat-graph.ts';
import type { ResolvedElement, ResolvedGraph } from '../../graph/resolved-graph.ts';
import type { FuseFacts } from './generate.ts';
import { type ClassSource, classSource, UnitHeaders } from './sources.ts';

/** How packets travel along a connection: `why` says what keeps it from being inlined. */
export interface EdgeReport {
  readonly connection: FlatConnection;
  readonly kind: 'inlined' | 'call' | 'indirect';
  readonly why: string;
}

/** One element as the generator sees it. */
export interface Node {
  readonly element: ResolvedElement;
  /** Another thread's: packets are handed over. */
  readonly remote: boolean;
  /** Member of the graph's struct, and part of function names. */
  readonly id: string;
  /** Its source, if it is part of the unit. */
  readonly source: ClassSource | undefined;
  /** Why it is not. */
  readonly reason: string;
  /** The C name of its action, where packets are to pass one by one. */
  readonly action: string | undefined;
  /** Connections that leave each output, by output. */
  readonly outputs: (FlatConnection | undefined)[];
  readonly inputs: FlatConnection[][];
}

const RESERVED = new Set(
  `auto break case char const continue default do double else enum extern float for goto if inline int long register
   restrict return short signed sizeof static struct switch typedef union unsigned void volatile while asm typeof unix
   linux true false bool NULL errno stdin stdout stderr likely unlikely`.split(/\s+/),
);

/** A C identifier for an element's name, unlike those in `taken`. */
function identifier(name: string, taken: Set<string>): string {
  let id = name.replace(/\W+/g, '_').replace(/^(?=\d)/, '_');
  if (RESERVED.has(id)) id = `${id}_`;
  for (let n = 2, stem = id; taken.has(id); n++) id = `${stem}_${n}`;
  taken.add(id);
  return id;
}

/** The nodes of a graph, in its order. */
export function nodesOf(graph: ResolvedGraph, facts: FuseFacts, classFiles: ReadonlySet<string>): Node[] {
  const taken = new Set<string>();
  const headers = new UnitHeaders();
  const sourceOf = (node: ResolvedElement): ClassSource | { readonly reason: string } => {
    const source = classSource(node.class, classFiles);
    const clash = 'type' in source ? headers.add(source) : undefined;
    return clash ? { reason: clash } : source;
  };
  const nodes = graph.elements.map((element, i): Node => {
    const remote = facts.elements[i]!.remote === true;
    const source = remote ? { reason: 'it is on another thread' } : sourceOf(element);
    const ok = 'type' in source;
    const gathers = element.class.batched && !facts.elements[i]!.code;
    return {
      element,
      remote,
      id: identifier(element.name, taken),
      source: ok ? source : undefined,
      reason: ok ? '' : source.reason,
      action: (ok && !gathers && element.class.action) || undefined,
      outputs: element.outputs.map(() => undefined),
      inputs: element.inputs.map(() => []),
    };
  });
  for (const c of graph.connections) {
    if (nodes[c.from]!.element.outputs[c.fromPort] === 'push') nodes[c.from]!.outputs[c.fromPort] = c;
    nodes[c.to]!.inputs[c.toPort]!.push(c);
  }
  return nodes;
}

/** The way of packets from an entry to an element that wants a batch of them. */
export interface Line {
  /** The actions on it, and the output by which each is left. */
  readonly steps: readonly { readonly node: Node; readonly output: number }[];
  readonly end: FlatConnection;
}

/** The shortest such way behind `entry`, through actions only. */
export function lineBehind(entry: Node, nodes: readonly Node[]): Line | undefined {
  const queue: { node: Node; steps: Line['steps'] }[] = [{ node: entry, steps: [] }];
  const seen = new Set([entry]);
  for (let at = queue.shift(); at; at = queue.shift()) {
    for (const [output, c] of at.node.outputs.entries()) {
      const next = c && nodes[c.to]!;
      if (!next || seen.has(next)) continue;
      seen.add(next);
      const steps = [...at.steps, { node: at.node, output }];
      if (next.action) queue.push({ node: next, steps });
      else if (next.source && next.element.class.batched) return { steps, end: c };
    }
  }
  return undefined;
}

export const isPush = (node: Node, input: number): boolean => node.element.inputs[input] === 'push';
