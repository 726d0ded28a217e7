/**
 * A flat graph that passes take apart and put together again. Elements keep their place and connections their order
 * through edits, and a place that became free is taken by the next element, so that what a pass leaves alone is
 * printed where it was.
 */

import { splitArgs } from '../../lang/config-string.ts';
import { Source, type Span } from '../../lang/source.ts';
import type { Definition, FlatConnection, FlatElement, FlatGraph, Requirement } from '../flat-graph.ts';

export interface EditableElement {
  name: string;
  className: string;
  config: string;
  landmark: string;
  span: Span;
  alive: boolean;
  /** The graph's own: place in the list, and connections in the order in which they came. */
  index: number;
  readonly ins: Set<EditableConnection>;
  readonly outs: Set<EditableConnection>;
}

export interface EditableConnection {
  from: EditableElement;
  fromPort: number;
  to: EditableElement;
  toPort: number;
}

/** An element's port, input or output as the use has it. */
export interface Port {
  element: EditableElement;
  port: number;
}

const NOWHERE: Span = { source: new Source('', ''), start: 0, end: 0 };

export class EditableGraph {
  readonly requirements: Requirement[];
  readonly definitions: Definition[];
  /** With gaps (`undefined`) where elements were freed. */
  readonly #places: (EditableElement | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #byName = new Map<string, EditableElement>();
  readonly #connections = new Set<EditableConnection>();

  constructor(graph?: FlatGraph) {
    this.requirements = [...(graph?.requirements ?? [])];
    this.definitions = [...(graph?.definitions ?? [])];
    for (const { name, className, configText, landmark, span } of graph?.elements ?? [])
      this.add({ name, className, config: configText, landmark, span });
    const elements = this.elements;
    for (const { from, fromPort, to, toPort } of graph?.connections ?? [])
      this.connect({ element: elements[from]!, port: fromPort }, { element: elements[to]!, port: toPort });
  }

  // ---- Elements

  /** The living elements, in their places' order. */
  get elements(): EditableElement[] {
    return this.#places.filter((e): e is EditableElement => e?.alive === true);
  }

  /** How many places there are, free ones included; indexes are below it. */
  get size(): number {
    return this.#places.length;
  }

  at(index: number): EditableElement | undefined {
    return this.#places[index];
  }

  byName(name: string): EditableElement | undefined {
    return this.#byName.get(name);
  }

  byClass(className: string): EditableElement[] {
    return this.elements.filter((e) => e.className === className);
  }

  add(element: {
    name: string;
    className: string;
    config?: string;
    landmark?: string;
    span?: Span;
  }): EditableElement {
    const index = this.#free.pop() ?? this.#places.length;
    const { name, className, config = '', landmark = '', span = NOWHERE } = element;
    const lists = { ins: new Set<EditableConnection>(), outs: new Set<EditableConnection>() };
    const added = { name, className, config, landmark, span, alive: true, index, ...lists };
    this.#places[index] = added;
    this.#byName.set(name, added);
    return added;
  }

  /** Add an element named after its class and its number, or the next number that is free. */
  addAnonymous(className: string, config: string, landmark: string): EditableElement {
    let number = this.#places.length - this.#free.length + 1;
    while (this.#byName.has(`${className}@${number}`)) number++;
    return this.add({ name: `${className}@${number}`, className, config, landmark });
  }

  rename(element: EditableElement, name: string): void {
    if (this.#byName.get(element.name) === element) this.#byName.delete(element.name);
    element.name = name;
    this.#byName.set(name, element);
  }

  /** Take an element and its connections out; the next element added gets its place. */
  remove(element: EditableElement): void {
    for (const c of [...element.ins, ...element.outs]) this.disconnect(c);
    if (this.#byName.get(element.name) === element) this.#byName.delete(element.name);
    element.alive = false;
    this.#places[element.index] = undefined;
    this.#free.push(element.index);
  }

  /** Drop the connections of elements that are not alive. */
  dropDeadConnections(): void {
    for (const c of this.connections) if (!c.from.alive || !c.to.alive) this.disconnect(c);
  }

  /** Forget dead elements and close the gaps they leave. */
  compact(): void {
    this.dropDeadConnections();
    const living = this.elements;
    for (const e of this.#places)
      if (e && !e.alive && this.#byName.get(e.name) === e) this.#byName.delete(e.name);
    this.#places.length = 0;
    this.#free.length = 0;
    for (const element of living) {
      element.index = this.#places.length;
      this.#places.push(element);
    }
  }

  // ---- Connections

  /** All connections, in order. */
  get connections(): EditableConnection[] {
    return [...this.#connections];
  }

  /** Connect an output to an input, once. */
  connect(from: Port, to: Port): void {
    if (this.hasConnection(from, to)) return;
    const c = { from: from.element, fromPort: from.port, to: to.element, toPort: to.port };
    this.#connections.add(c);
    c.from.outs.add(c);
    c.to.ins.add(c);
  }

  hasConnection(from: Port, to: Port): boolean {
    for (const c of from.element.outs)
      if (c.fromPort === from.port && c.to === to.element && c.toPort === to.port) return true;
    return false;
  }

  disconnect(connection: EditableConnection): void {
    this.#connections.delete(connection);
    connection.from.outs.delete(connection);
    connection.to.ins.delete(connection);
  }

  /** Lead a connection into another input. */
  moveTo(connection: EditableConnection, { element, port }: Port): void {
    connection.to.ins.delete(connection);
    connection.to = element;
    connection.toPort = port;
    element.ins.add(connection);
  }

  /** Lead a connection out of another output. */
  moveFrom(connection: EditableConnection, { element, port }: Port): void {
    connection.from.outs.delete(connection);
    connection.from = element;
    connection.fromPort = port;
    element.outs.add(connection);
  }

  /** Connections out of an element, or out of one of its outputs; the latest come last. */
  outOf(element: EditableElement, port?: number): EditableConnection[] {
    return [...element.outs].filter((c) => port === undefined || c.fromPort === port);
  }

  /** Connections into an element, or into one of its inputs; the latest come last. */
  into(element: EditableElement, port?: number): EditableConnection[] {
    return [...element.ins].filter((c) => port === undefined || c.toPort === port);
  }

  inputs(element: EditableElement): number {
    let count = 0;
    for (const { toPort } of element.ins) count = Math.max(count, toPort + 1);
    return count;
  }

  outputs(element: EditableElement): number {
    let count = 0;
    for (const { fromPort } of element.outs) count = Math.max(count, fromPort + 1);
    return count;
  }

  /** Lead everything that goes into `port` into `inserted` instead, and that into `port`. */
  insertBefore(inserted: Port, port: Port): void {
    this.connect(inserted, port);
    for (const c of this.into(port.element, port.port))
      if (c.from !== inserted.element || c.fromPort !== inserted.port) this.moveTo(c, inserted);
  }

  /** Lead everything that comes out of `port` out of `inserted` instead, and `port` into that. */
  insertAfter(inserted: Port, port: Port): void {
    this.connect(port, inserted);
    for (const c of this.outOf(port.element, port.port))
      if (c.to !== inserted.element || c.toPort !== inserted.port) this.moveFrom(c, inserted);
  }

  dropDuplicateConnections(): void {
    for (const element of this.elements) {
      const seen = new Set<string>();
      // The latest one stays.
      for (const c of this.outOf(element).reverse()) {
        const key = `${c.fromPort} ${c.to.index} ${c.toPort}`;
        if (seen.has(key)) this.disconnect(c);
        seen.add(key);
      }
    }
  }

  // ---- Back

  toFlat(): FlatGraph {
    this.compact();
    const elements = this.elements.map(
      (e, index): FlatElement => ({
        index,
        name: e.name,
        className: e.className,
        args: splitArgs(e.config).map(({ text }) => ({ text, span: e.span })),
        configText: e.config,
        span: e.span,
        landmark: e.landmark,
        via: [],
        undeclared: false,
      }),
    );
    const connections = this.connections.map(
      (c): FlatConnection => ({
        from: c.from.index,
        fromPort: c.fromPort,
        to: c.to.index,
        toPort: c.toPort,
        span: NOWHERE,
      }),
    );
    return { elements, connections, requirements: this.requirements, definitions: this.definitions };
  }
}
