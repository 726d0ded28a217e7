/** Third pass: connections through tunnels become connections between real ports. */

import type { FlatArg, FlatConnection, FlatElement } from '../graph/flat-graph.ts';
import { splitArgs } from '../lang/config-string.ts';
import { landmark } from '../lang/source.ts';
import { argSpan, mappedArgSpan } from './config-map.ts';
import { ConnectionSet } from './connection-set.ts';
import type { Elaboration } from './context.ts';
import type { DraftConnection, DraftElement, FlatDraft } from './expand.ts';

/** Connections made of fan-out through compounds, at most. */
const MAX_CONNECTIONS = 4_000_000;

export function link(elaboration: Elaboration): void {
  const { draft, options, requirements, scope } = elaboration;
  const real = realConnections(elaboration, draft!);
  const indexes = new Int32Array(draft!.elements.length).fill(-1);
  const elements: FlatElement[] = [];
  for (const [index, element] of draft!.elements.entries()) {
    if (element.className === undefined) continue;
    indexes[index] = elements.length;
    elements.push(flatElement(element, element.className, elements.length));
  }
  const connections: FlatConnection[] = real.map((connection) => ({
    from: indexes[connection.from]!,
    fromPort: connection.fromPort,
    to: indexes[connection.to]!,
    toPort: connection.toPort,
    span: connection.span,
  }));
  if (options.order !== 'tool')
    connections.sort(
      (a, b) => a.to - b.to || a.toPort - b.toPort || a.from - b.from || a.fromPort - b.fromPort,
    );
  const definitions = new Map([...scope!.definitions, ...Object.entries(options.variables ?? {})]);
  elaboration.graph = {
    elements,
    connections,
    requirements,
    definitions: [...definitions].map(([name, value]) => ({ name, value })),
  };
}

function flatElement(draft: DraftElement, className: string, index: number): FlatElement {
  const { name, config, configText, pieces, span, via, undeclared } = draft;
  const args: FlatArg[] = config
    ? splitArgs(configText).map((arg) => ({
        text: arg.text,
        span: pieces ? mappedArgSpan(config, pieces, arg) : argSpan(config, arg),
      }))
    : [];
  return { index, name, className, args, configText, span, landmark: landmark(span), via, undeclared };
}

interface PortOfElement {
  readonly element: number;
  readonly port: number;
}

/** Connections between elements that are no tunnels, without duplicates. */
function realConnections(elaboration: Elaboration, draft: FlatDraft): DraftConnection[] {
  const resolver = new TunnelResolver(draft);
  resolver.reportUnused(elaboration);
  const result: DraftConnection[] = [];
  const seen = new ConnectionSet();
  const add = (connection: DraftConnection) => {
    const { from, fromPort, to, toPort } = connection;
    return !seen.add(from, fromPort, to, toPort) || result.push(connection) <= MAX_CONNECTIONS;
  };
  const through: DraftConnection[] = [];
  for (const connection of draft.connections) {
    if (resolver.isTunnel(connection.to)) continue;
    if (resolver.isTunnel(connection.from)) through.push(connection);
    else add(connection);
  }
  for (const connection of through) {
    for (const { element, port } of resolver.sources({ element: connection.from, port: connection.fromPort }))
      if (!add({ ...connection, from: element, fromPort: port })) {
        elaboration.diagnostics.error(connection.span, `more than ${MAX_CONNECTIONS} connections`);
        return [];
      }
  }
  return result;
}

class TunnelResolver {
  readonly #draft: FlatDraft;
  /** Reverse of `exit`. */
  readonly #entry = new Map<number, number>();
  /** Connections at tunnel ports, by "element:port". */
  readonly #into = new Map<string, DraftConnection[]>();
  readonly #outOf = new Map<string, DraftConnection[]>();
  readonly #sources = new Map<string, readonly PortOfElement[]>();

  constructor(draft: FlatDraft) {
    this.#draft = draft;
    for (const [index, element] of draft.elements.entries())
      if (element.exit !== undefined) this.#entry.set(element.exit, index);
    for (const connection of draft.connections) {
      if (this.isTunnel(connection.to)) append(this.#into, key(connection.to, connection.toPort), connection);
      if (this.isTunnel(connection.from))
        append(this.#outOf, key(connection.from, connection.fromPort), connection);
    }
  }

  isTunnel(index: number): boolean {
    return this.#draft.elements[index]!.className === undefined;
  }

  /** The real output ports whose packets come out of a tunnel's output port, latest connection first. */
  sources({ element, port }: PortOfElement): readonly PortOfElement[] {
    const at = key(element, port);
    const known = this.#sources.get(at);
    if (known) return known;
    this.#sources.set(at, []); // a cycle of tunnels contributes nothing
    const found = new Map<string, PortOfElement>();
    const entry = this.#entry.get(element);
    const into = entry === undefined ? [] : (this.#into.get(key(entry, port)) ?? []);
    for (const connection of [...into].reverse()) {
      const from = { element: connection.from, port: connection.fromPort };
      for (const source of this.isTunnel(from.element) ? this.sources(from) : [from])
        found.set(key(source.element, source.port), source);
    }
    const result = [...found.values()];
    this.#sources.set(at, result);
    return result;
  }

  /** Ports of compounds that are used on one side only. */
  reportUnused({ diagnostics }: Elaboration): void {
    const { elements } = this.#draft;
    const report = (compound: number, problem: (name: string) => string, connection: DraftConnection) => {
      const { name, span } = elements[compound]!;
      diagnostics.error(span, problem(`'${name}'`), [{ message: 'connected here', span: connection.span }]);
    };
    // `input` is the only tunnel without an exit of its own, so it tells the two sides apart.
    for (const [connection] of this.#into.values()) {
      const { to, toPort: port } = connection!;
      const exit = elements[to]!.exit;
      if (exit === undefined || this.#outOf.has(key(exit, port))) continue;
      if (elements[exit]!.exit === undefined)
        report(to, (name) => `${name} has no input ${port}`, connection!);
      else report(exit, (name) => `${name} output ${port} unused`, connection!);
    }
    for (const [connection] of this.#outOf.values()) {
      const { from, fromPort: port } = connection!;
      const entry = this.#entry.get(from);
      if (entry === undefined || this.#into.has(key(entry, port))) continue;
      if (elements[from]!.exit === undefined)
        report(entry, (name) => `${name} input ${port} unused`, connection!);
      else report(from, (name) => `${name} has no output ${port}`, connection!);
    }
  }
}

function key(element: number, port: number): string {
  return `${element}:${port}`;
}

function append<K, V>(map: Map<K, V[]>, at: K, value: V): void {
  const list = map.get(at);
  if (list) list.push(value);
  else map.set(at, [value]);
}
