/** Questions about a graph: elements by name and class, neighbours up and down the flow. */

import type { FlatConnection, FlatElement, FlatGraph } from './flat-graph.ts';

/** Indexes over a graph of either kind. Build once, ask often; the graph must not change meanwhile. */
export class GraphIndex<E extends FlatElement = FlatElement> {
  readonly #elements: readonly E[];
  readonly #byName = new Map<string, E>();
  readonly #byClass = new Map<string, E[]>();
  readonly #into: FlatConnection[][];
  readonly #outOf: FlatConnection[][];

  constructor(graph: FlatGraph & { readonly elements: readonly E[] }) {
    this.#elements = graph.elements;
    this.#into = graph.elements.map(() => []);
    this.#outOf = graph.elements.map(() => []);
    for (const element of graph.elements) {
      this.#byName.set(element.name, element);
      const list = this.#byClass.get(element.className);
      if (list) list.push(element);
      else this.#byClass.set(element.className, [element]);
    }
    for (const connection of graph.connections) {
      this.#into[connection.to]!.push(connection);
      this.#outOf[connection.from]!.push(connection);
    }
  }

  byName(name: string): E | undefined {
    return this.#byName.get(name);
  }

  byClass(className: string): readonly E[] {
    return this.#byClass.get(className) ?? [];
  }

  /** Connections into an element's inputs, or into one of them. */
  connectionsInto(element: number, port?: number): readonly FlatConnection[] {
    const all = this.#into[element] ?? [];
    return port === undefined ? all : all.filter((connection) => connection.toPort === port);
  }

  /** Connections out of an element's outputs, or out of one of them. */
  connectionsOutOf(element: number, port?: number): readonly FlatConnection[] {
    const all = this.#outOf[element] ?? [];
    return port === undefined ? all : all.filter((connection) => connection.fromPort === port);
  }

  /** Elements that send packets straight to this one, each once. */
  upstream(element: number, port?: number): readonly E[] {
    return this.#distinct(this.connectionsInto(element, port).map((connection) => connection.from));
  }

  /** Elements that get packets straight from this one, each once. */
  downstream(element: number, port?: number): readonly E[] {
    return this.#distinct(this.connectionsOutOf(element, port).map((connection) => connection.to));
  }

  #distinct(indexes: readonly number[]): E[] {
    return [...new Set(indexes)].map((index) => this.#elements[index]!);
  }
}
