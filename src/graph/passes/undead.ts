/**
 * click-undead: elements whose packets cannot come from a source and reach a sink are dead and go away; so do Nulls,
 * static switches, and schedulers and tees with one port left. Ports that lose their neighbour get an Idle.
 */

import { splitArgs, uncomment } from '../../lang/config-string.ts';
import type { Diagnostics } from '../../lang/diagnostics.ts';
import type { ClassTable } from '../class-table.ts';
import { flowFrom } from '../codes.ts';
import type { FlatGraph } from '../flat-graph.ts';
import { type EditableConnection, type EditableElement, EditableGraph, type Port } from './editable.ts';
import { flagValue } from './flags.ts';

export interface UndeadOptions {
  classes: ClassTable;
  diagnostics: Diagnostics;
  /** Say what is done and why. */
  verbose?: boolean;
}

const LANDMARK = '<click-undead>';

/** The graph without its dead parts; undefined if nothing in it is alive. */
export function undead(flat: FlatGraph, options: UndeadOptions): FlatGraph | undefined {
  const pass = new Undead(flat, options);
  return pass.run();
}

class Undead {
  readonly #graph: EditableGraph;
  readonly #classes: ClassTable;
  readonly #diagnostics: Diagnostics;
  readonly #verbose: boolean;
  /** Ports that elements had at first, by name: what is missing of them in the end needs an Idle. */
  readonly #inputs = new Map<string, number>();
  readonly #outputs = new Map<string, number>();

  constructor(flat: FlatGraph, { classes, diagnostics, verbose = false }: UndeadOptions) {
    this.#graph = new EditableGraph(flat);
    this.#classes = classes;
    this.#diagnostics = diagnostics;
    this.#verbose = verbose;
  }

  run(): FlatGraph | undefined {
    const graph = this.#graph;
    for (const e of graph.elements) {
      this.#inputs.set(e.name, graph.inputs(e));
      this.#outputs.set(e.name, graph.outputs(e));
    }
    for (const e of graph.byClass('StaticSwitch')) this.#staticSwitch(e);
    for (const e of graph.byClass('StaticPullSwitch')) this.#staticPullSwitch(e);
    for (const e of graph.byClass('Null')) this.#null(e);
    graph.compact();
    const live = this.#liveElements();
    if (live.size === 0 && graph.elements.length > 0) return undefined;
    for (const e of graph.elements) {
      if (live.has(e)) continue;
      this.#note(e, `removing '${declaration(e)}'`);
      e.alive = false;
    }
    graph.dropDeadConnections();
    for (let changed = true; changed; ) {
      changed = false;
      for (const [className, oneArgAPort] of [
        ['RoundRobinSched', false],
        ['PrioSched', false],
        ['StrideSched', true],
      ] as const)
        for (const e of graph.byClass(className)) if (this.#scheduler(e, oneArgAPort)) changed = true;
      for (const className of ['Tee', 'PullTee'])
        for (const e of graph.byClass(className)) if (this.#tee(e, className === 'PullTee')) changed = true;
    }
    this.#fillBlankPorts();
    return graph.toFlat();
  }

  #note(e: EditableElement, message: string): void {
    if (!this.#verbose) return;
    // What the pass made up has no place in a text.
    if (e.landmark === LANDMARK) this.#diagnostics.note(undefined, `${LANDMARK}: ${message}`);
    else this.#diagnostics.note(e.span, message);
  }

  #odd(e: EditableElement, where = 'to'): void {
    this.#diagnostics.warning(e.span, `odd connections ${where} '${declaration(e)}'`);
  }

  // ---- Elements that decide where packets go before any packet comes

  #switchPosition(e: EditableElement): number {
    const config = uncomment(e.config);
    if (/^[-+]?\d+$/.test(config)) return Number(config);
    this.#diagnostics.error(e.span, `${e.name}: bad configuration '${e.className}(${config})'`);
    return -1;
  }

  #staticSwitch(e: EditableElement): void {
    const graph = this.#graph;
    const position = this.#switchPosition(e);
    const outputs = byPort(graph.outOf(e), 'fromPort');
    if (outputs.some((list) => list.length !== 1)) this.#odd(e, 'from');
    const idle = graph.addAnonymous('Idle', '', LANDMARK);
    let [idleInput, idleOutput] = [0, 0];
    const chosen = outputs[position] ?? [];
    const jump: Port = chosen.length === 1 ? target(chosen[0]!) : { element: idle, port: idleInput++ };
    for (const c of graph.into(e, 0)) graph.moveTo(c, jump);
    for (const [port, list] of outputs.entries())
      if (port !== position) for (const c of list) graph.moveFrom(c, { element: idle, port: idleOutput++ });
    e.alive = false;
  }

  #staticPullSwitch(e: EditableElement): void {
    const graph = this.#graph;
    const position = this.#switchPosition(e);
    const inputs = byPort(graph.into(e), 'toPort');
    if (inputs.some((list) => list.length !== 1)) this.#odd(e);
    const idle = graph.addAnonymous('Idle', '', LANDMARK);
    let [idleInput, idleOutput] = [0, 0];
    const chosen = inputs[position] ?? [];
    const jump: Port = chosen.length === 1 ? origin(chosen[0]!) : { element: idle, port: idleOutput++ };
    for (const c of graph.outOf(e, 0)) graph.moveFrom(c, jump);
    for (const [port, list] of inputs.entries())
      if (port !== position) for (const c of list) graph.moveTo(c, { element: idle, port: idleInput++ });
    e.alive = false;
  }

  #null(e: EditableElement): void {
    const graph = this.#graph;
    if (graph.inputs(e) !== 1 || graph.outputs(e) !== 1) {
      this.#odd(e);
      return;
    }
    const before = graph.into(e, 0);
    const after = graph.outOf(e, 0);
    if (before.length > 1 && after.length > 1) this.#odd(e);
    else if (before.length === 1) this.#skipPull(e, origin(before[0]!));
    else this.#skipPush(e, target(after[0]!));
    e.alive = false;
  }

  /** What went into the element goes on to `to`. */
  #skipPush(e: EditableElement, to: Port): void {
    for (const c of this.#graph.into(e, 0)) this.#graph.moveTo(c, to);
  }

  /** What came out of the element comes out of `from`. */
  #skipPull(e: EditableElement, from: Port): void {
    for (const c of this.#graph.outOf(e, 0)) this.#graph.moveFrom(c, from);
  }

  // ---- Life

  #liveElements(): Set<EditableElement> {
    const fromSource = new Set<EditableElement>();
    const toSink = new Set<EditableElement>();
    const forward: Port[] = [];
    const backward: Port[] = [];
    for (const e of this.#graph.elements) {
      const flags = this.#classes.get(e.className)?.flags ?? '';
      let role = flagValue(flags, 'S');
      let assuming = '';
      if (role === undefined || role > 3) {
        if (role !== undefined)
          this.#diagnostics.warning(e.span, `'${declaration(e)}' has strange source/sink flag value ${role}`);
        role = (e.ins.size ? 0 : 1) | (e.outs.size ? 0 : 2);
        assuming = 'assuming ';
      }
      if (role & 1) {
        this.#note(e, `${assuming}'${declaration(e)}' is source${role & 2 ? ' and sink' : ''}`);
        fromSource.add(e);
        forward.push(...this.#graph.outOf(e).map(target));
      }
      if (role & 2) {
        if (!(role & 1)) this.#note(e, `${assuming}'${declaration(e)}' is sink`);
        toSink.add(e);
        backward.push(...this.#graph.into(e).map(origin));
      }
    }
    this.#follow(forward, (p) => this.#after(p), fromSource);
    this.#follow(backward, (p) => this.#before(p), toSink);
    const live = new Set<EditableElement>();
    for (const e of this.#graph.elements)
      if ((fromSource.has(e) && toSink.has(e)) || this.#livesAlone(e)) live.add(e);
    return live;
  }

  /** Go on from ports until there is nothing new; all elements on the way but Idles are reached. */
  #follow(ports: Port[], next: (port: Port) => Port[], reached: Set<EditableElement>): void {
    const seen = new Set<string>();
    for (let port = ports.pop(); port; port = ports.pop()) {
      const key = `${port.element.index} ${port.port}`;
      if (seen.has(key)) continue;
      seen.add(key);
      if (port.element.className !== 'Idle') reached.add(port.element);
      ports.push(...next(port));
    }
  }

  /** Input ports that packets arriving at an input port may go to next. */
  #after({ element, port }: Port): Port[] {
    const outputs = this.#graph.outputs(element);
    const flows = flowFrom(this.#flow(element), port, outputs);
    return this.#graph
      .outOf(element)
      .filter((c) => flows[c.fromPort])
      .map(target);
  }

  /** Output ports that packets leaving an output port may have come from. */
  #before({ element, port }: Port): Port[] {
    const outputs = this.#graph.outputs(element);
    const flow = this.#flow(element);
    return this.#graph
      .into(element)
      .filter((c) => flowFrom(flow, c.toPort, outputs)[port])
      .map(origin);
  }

  #flow(e: EditableElement): string {
    const elementClass = this.#classes.get(e.className);
    return elementClass && flagValue(elementClass.flags, 'L') !== 2 ? elementClass.flow : '';
  }

  #livesAlone(e: EditableElement): boolean {
    const flag = flagValue(this.#classes.get(e.className)?.flags ?? '', 'L');
    if (flag === 0 || flag === 1) return flag === 1;
    if (flag !== undefined && flag > 2)
      this.#diagnostics.warning(e.span, `'${declaration(e)}' has strange live flag value ${flag}`);
    if (e.ins.size > 0 || e.outs.size > 0) return false;
    this.#note(e, `assuming '${declaration(e)}' is live`);
    return true;
  }

  // ---- Schedulers and tees

  /** Remove unused inputs, and the scheduler if only one is left. */
  #scheduler(e: EditableElement, oneArgAPort: boolean): boolean {
    const graph = this.#graph;
    if (graph.outputs(e) !== 1) {
      this.#odd(e);
      return false;
    }
    const ports = byPort(graph.into(e), 'toPort');
    const args = splitArgs(e.config).map(({ text }) => text);
    if (oneArgAPort && args.length !== ports.length) return false;
    const used = ports.map((list) => list.length > 0 && list.some((c) => c.from.className !== 'Idle'));
    if (oneArgAPort && used.includes(false)) e.config = args.filter((_, port) => used[port]).join(', ');
    const kept = this.#closePorts(ports, used, (c, port) => graph.moveTo(c, { element: e, port }));
    this.#inputs.set(e.name, kept.length);
    if (kept.length !== 1) return false;
    this.#note(e, `removing redundant scheduler '${declaration(e)}'`);
    this.#skipPull(e, origin(kept[0]!.at(-1)!));
    return this.#kill(e);
  }

  /** Remove unused outputs, and the tee if only one is left. Output 0 of a PullTee is where it is pulled. */
  #tee(e: EditableElement, pull: boolean): boolean {
    const graph = this.#graph;
    if (graph.inputs(e) !== 1) {
      this.#odd(e);
      return false;
    }
    const ports = byPort(graph.outOf(e), 'fromPort');
    const used = ports.map(
      (list, port) =>
        (pull && port === 0) ||
        (list.length > 0 && !(list.length === 1 && list[0]!.from.className === 'Idle')),
    );
    const kept = this.#closePorts(ports, used, (c, port) => graph.moveFrom(c, { element: e, port }));
    this.#outputs.set(e.name, kept.length);
    e.config = String(kept.length);
    if (kept.length !== 1) return false;
    this.#note(e, `removing redundant tee '${declaration(e)}'`);
    if (!pull) this.#skipPush(e, target(kept[0]!.at(-1)!));
    else {
      const before = graph.into(e, 0).at(-1);
      if (before) this.#skipPull(e, origin(before));
    }
    return this.#kill(e);
  }

  /** Disconnect the ports that are not used and renumber the others. */
  #closePorts(
    ports: EditableConnection[][],
    used: readonly boolean[],
    renumber: (connection: EditableConnection, port: number) => void,
  ): EditableConnection[][] {
    const kept: EditableConnection[][] = [];
    for (const [port, list] of ports.entries()) {
      if (!used[port]) for (const c of list) this.#graph.disconnect(c);
      else {
        if (kept.length !== port) for (const c of list) renumber(c, kept.length);
        kept.push(list);
      }
    }
    return kept;
  }

  #kill(e: EditableElement): true {
    e.alive = false;
    this.#graph.dropDeadConnections();
    return true;
  }

  // ---- Ports without a neighbour

  #fillBlankPorts(): void {
    const graph = this.#graph;
    const idle = graph.addAnonymous('Idle', '', LANDMARK);
    let [idleInput, idleOutput] = [0, 0];
    for (const e of graph.elements) {
      if (e === idle) continue;
      const inputs = byPort(graph.into(e), 'toPort');
      for (let port = 0; port < (this.#inputs.get(e.name) ?? inputs.length); port++)
        if (!inputs[port]?.length) graph.connect({ element: idle, port: idleOutput++ }, { element: e, port });
      const outputs = byPort(graph.outOf(e), 'fromPort');
      for (let port = 0; port < (this.#outputs.get(e.name) ?? outputs.length); port++)
        if (!outputs[port]?.length) graph.connect({ element: e, port }, { element: idle, port: idleInput++ });
    }
    if (idleInput + idleOutput === 0) idle.alive = false;
  }
}

function declaration(e: EditableElement): string {
  return `${e.name} :: ${e.className}`;
}

function target(c: EditableConnection): Port {
  return { element: c.to, port: c.toPort };
}

function origin(c: EditableConnection): Port {
  return { element: c.from, port: c.fromPort };
}

/** Connections sorted into a list for each port, unused ports included. */
function byPort(
  connections: readonly EditableConnection[],
  key: 'fromPort' | 'toPort',
): EditableConnection[][] {
  const ports: EditableConnection[][] = [];
  for (const c of connections) {
    while (ports.length <= c[key]) ports.push([]);
    ports[c[key]]!.push(c);
  }
  return ports;
}
