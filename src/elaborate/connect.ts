/** Pairing the ports of two element lists: `a, b [1,2] => c [0,]`. */

import type { PortList } from '../lang/ast.ts';

/** One entry of an element list, seen from the side that is being connected. */
export interface Endpoint {
  /** Element index in the scope. */
  readonly element: number;
  /** Undefined when no port is written: port 0, or for `=>` as many as needed. */
  readonly ports: Pick<PortList, 'ports' | 'open'> | undefined;
}

export interface PortPair {
  readonly from: number;
  readonly fromPort: number;
  readonly to: number;
  readonly toPort: number;
}

interface Side {
  readonly endpoints: readonly Endpoint[];
  /** Ports in sight, before expansion. */
  readonly count: number;
  expandable: boolean;
}

/**
 * Connections between the outputs of one list and the inputs of the next. One port fans out to or in
 * from many with either arrow; many to many needs `=>` and equal counts, where a list that ends in a
 * comma, or under `=>` a single element without ports, supplies as many ports as the other side has.
 */
export function pairPorts(
  arrow: '->' | '=>',
  outputs: readonly Endpoint[],
  inputs: readonly Endpoint[],
  error: (message: string) => void,
): PortPair[] {
  if (isPlain(outputs) && isPlain(inputs)) {
    const [source, target] = [outputs[0]!, inputs[0]!];
    const fromPort = source.ports?.ports[0] ?? 0;
    return [{ from: source.element, fromPort, to: target.element, toPort: target.ports?.ports[0] ?? 0 }];
  }
  const from = makeSide(outputs);
  const to = makeSide(inputs);
  const openLists = [...outputs, ...inputs].filter((endpoint) => endpoint.ports?.open).length;
  if (openLists > 1) {
    error('at most one expandable port allowed per connection');
    if (to.count < from.count) from.expandable = false;
    else to.expandable = false;
  }
  if (arrow === '=>') {
    if (supplies(from, to)) from.expandable = true;
    if (supplies(to, from)) to.expandable = true;
  }
  const manyFrom = from.count > 1 || from.expandable;
  const manyTo = to.count > 1 || to.expandable;
  if (manyFrom && manyTo) {
    if (arrow !== '=>') error("syntax error: many-to-many connections require '=>'");
    checkCounts(from, to, error);
  }
  const fromPorts = portsOf(from, to.count);
  const toPorts = portsOf(to, from.count);
  const pairs: PortPair[] = [];
  const length =
    manyFrom && manyTo
      ? Math.min(fromPorts.length, toPorts.length)
      : Math.max(fromPorts.length, toPorts.length);
  for (let i = 0; i < length; i++) {
    const source = fromPorts[manyFrom ? i : 0];
    const target = toPorts[manyTo || !manyFrom ? i : 0];
    if (!source || !target) break;
    pairs.push({ from: source.element, fromPort: source.port, to: target.element, toPort: target.port });
  }
  return pairs;
}

/** A single port, the usual case. */
function isPlain(endpoints: readonly Endpoint[]): boolean {
  if (endpoints.length !== 1) return false;
  const { ports } = endpoints[0]!;
  return !ports || (ports.ports.length === 1 && !ports.open);
}

function makeSide(endpoints: readonly Endpoint[]): Side {
  const count = endpoints.reduce((sum, { ports }) => sum + (ports ? ports.ports.length : 1), 0);
  return { endpoints, count, expandable: endpoints.some((endpoint) => endpoint.ports?.open) };
}

/** Does this side stand for as many ports as the other has, under `=>`? */
function supplies(side: Side, other: Side): boolean {
  return side.count === 1 && other.count > 1 && side.endpoints[0]!.ports === undefined;
}

function checkCounts(from: Side, to: Side, error: (message: string) => void): void {
  const mismatch =
    from.expandable || to.expandable
      ? (!to.expandable && to.count < from.count) || (!from.expandable && from.count < to.count)
      : from.count !== to.count;
  if (!mismatch) return;
  const outputs = `${from.count}${from.expandable ? ' or more' : ''} outputs`;
  const inputs = `${to.count}${to.expandable ? ' or more' : ''} inputs`;
  error(`connection mismatch: ${outputs} connected to ${inputs}`);
}

/** Every port of a side in order, the expandable entry stretched to match `wanted` ports in all. */
function portsOf(side: Side, wanted: number): { element: number; port: number }[] {
  let extra = side.expandable ? Math.max(0, wanted - side.count) : 0;
  const implied = side.endpoints.length === 1 && side.endpoints[0]!.ports === undefined;
  return side.endpoints.flatMap(({ element, ports }) => {
    const list = ports ? [...ports.ports] : [0];
    if (ports?.open || implied) for (; extra > 0; extra--) list.push(list.at(-1)! + 1);
    return list.map((port) => ({ element, port }));
  });
}
