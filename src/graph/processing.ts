/** Push and pull: agnostic ports take on the processing of what they are connected to. */

import type { Diagnostics } from '../lang/diagnostics.ts';
import { flowFrom, type Processing } from './codes.ts';
import type { FlatConnection, FlatElement } from './flat-graph.ts';
import { Buckets, PortNumbers } from './port-numbers.ts';

/** Ports of one element during resolution; the arrays are filled in. */
export interface ElementPorts {
  readonly inputs: Processing[];
  readonly outputs: Processing[];
  readonly flow: string;
}

/** Something that makes an output and an input agree: a connection, or flow through an element. */
interface Tie {
  readonly from: number;
  readonly fromPort: number;
  readonly to: number;
  readonly toPort: number;
  /** Undefined for flow from an agnostic input to an agnostic output of the same element. */
  readonly connection: FlatConnection | undefined;
  broken: boolean;
}

/**
 * Spread push and pull over agnostic ports, in place, until nothing changes; report where they meet.
 * Works through the connections again and again in order, as the reference does, so that conflicts are
 * found at the same places; only ties at ports that changed are looked at again.
 */
export function resolveProcessing(
  elements: readonly FlatElement[],
  ports: readonly ElementPorts[],
  connections: readonly FlatConnection[],
  diagnostics: Diagnostics,
): void {
  const ties = [...connections.map(connectionTie), ...agnosticTies(ports)];
  const numbers = new PortNumbers(ports);
  const atInput = new Buckets(numbers.inputCount, ties.length);
  const atOutput = new Buckets(numbers.outputCount, ties.length);
  for (const [i, tie] of ties.entries()) {
    atInput.add(numbers.input(tie.to, tie.toPort), i);
    atOutput.add(numbers.output(tie.from, tie.fromPort), i);
  }
  let round = ties.map((_, i) => i);
  const queue = new Queue(ties.length);
  while (round.length > 0) {
    queue.fill(round);
    const nextRound = new Set<number>();
    for (let i = queue.take(); i !== undefined; i = queue.take()) {
      const tie = ties[i]!;
      if (tie.broken) continue;
      const output = ports[tie.from]!.outputs[tie.fromPort]!;
      const input = ports[tie.to]!.inputs[tie.toPort]!;
      if (output === input) continue;
      if (output !== 'agnostic' && input !== 'agnostic') {
        tie.broken = true;
        reportConflict(elements, tie, output, input, diagnostics);
        continue;
      }
      if (input === 'agnostic') ports[tie.to]!.inputs[tie.toPort] = output;
      else ports[tie.from]!.outputs[tie.fromPort] = input;
      const changed =
        input === 'agnostic'
          ? atInput.items(numbers.input(tie.to, tie.toPort))
          : atOutput.items(numbers.output(tie.from, tie.fromPort));
      for (const neighbour of changed)
        if (neighbour > i) queue.add(neighbour);
        else nextRound.add(neighbour);
    }
    round = [...nextRound].sort((a, b) => a - b);
  }
}

function connectionTie(connection: FlatConnection): Tie {
  const { from, fromPort, to, toPort } = connection;
  return { from, fromPort, to, toPort, connection, broken: false };
}

function agnosticTies(ports: readonly ElementPorts[]): Tie[] {
  const ties: Tie[] = [];
  for (const [element, { inputs, outputs, flow }] of ports.entries())
    for (const [toPort, processing] of inputs.entries()) {
      if (processing !== 'agnostic' || !outputs.includes('agnostic')) continue;
      for (const [fromPort, flows] of flowFrom(flow, toPort, outputs.length).entries())
        if (flows && outputs[fromPort] === 'agnostic')
          ties.push({ from: element, fromPort, to: element, toPort, connection: undefined, broken: false });
    }
  return ties;
}

function reportConflict(
  elements: readonly FlatElement[],
  tie: Tie,
  output: Processing,
  input: Processing,
  diagnostics: Diagnostics,
): void {
  const from = elements[tie.from]!;
  const to = elements[tie.to]!;
  if (!tie.connection) {
    const message = `agnostic '${shown(to)}' in mixed context: ${input} input ${tie.toPort}, ${output} output ${tie.fromPort}`;
    diagnostics.error(to.span, message, instantiation(to));
    return;
  }
  diagnostics.error(
    tie.connection.span,
    `'${shown(from)}' ${output} output ${tie.fromPort} connected to '${shown(to)}' ${input} input ${tie.toPort}`,
    [
      { message: `'${from.name}' declared here`, span: from.span },
      { message: `'${to.name}' declared here`, span: to.span },
      ...instantiation(from),
    ],
  );
}

/** An element as messages name it, `name :: Class`. */
export function shown(element: FlatElement): string {
  return `${element.name} :: ${element.className}`;
}

/** A note for elements that come from a compound: where the compound is used. */
export function instantiation(element: FlatElement) {
  return element.via.map((span) => ({ message: 'in the compound element declared here', span }));
}

/** Numbers in ascending order: a sorted list to start with, and later additions in a heap. */
class Queue {
  #initial: readonly number[] = [];
  readonly #queued: Uint8Array;
  readonly #heap: number[] = [];
  #position = 0;

  constructor(size: number) {
    this.#queued = new Uint8Array(size);
  }

  /** Start over with a sorted list; the queue must be empty. */
  fill(initial: readonly number[]): void {
    this.#initial = initial;
    this.#position = 0;
    for (const value of initial) this.#queued[value] = 1;
  }

  add(value: number): void {
    if (this.#queued[value]) return;
    this.#queued[value] = 1;
    const heap = this.#heap;
    let i = heap.push(value) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent]! <= heap[i]!) break;
      [heap[parent], heap[i]] = [heap[i]!, heap[parent]!];
      i = parent;
    }
  }

  take(): number | undefined {
    const first = this.#initial[this.#position];
    const added = this.#heap[0];
    const value = added === undefined || (first !== undefined && first < added) ? first : this.#pop();
    if (value === undefined) return undefined;
    if (value === first) this.#position++;
    this.#queued[value] = 0;
    return value;
  }

  #pop(): number {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    heap[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2])
        if (child < heap.length && heap[child]! < heap[least]!) least = child;
      if (least === i) return top;
      [heap[least], heap[i]] = [heap[i]!, heap[least]!];
      i = least;
    }
  }
}
