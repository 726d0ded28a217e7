/**
 * click-align: Align elements where an element wants its packets aligned and cannot have it otherwise, none where
 * they do nothing, and an AlignmentInfo that tells the elements that ask what they can rely on.
 */

import type { Diagnostics } from '../../lang/diagnostics.ts';
import type { ClassTable } from '../class-table.ts';
import type { FlatGraph } from '../flat-graph.ts';
import { type Aligner, alignerFor, readAlignment } from './aligners.ts';
import { Alignment } from './alignment.ts';
import { type EditableElement, EditableGraph } from './editable.ts';
import { flagValue } from './flags.ts';

export interface AlignOptions {
  classes: ClassTable;
  diagnostics: Diagnostics;
  /** Insert CheckAlign elements that check what is wanted, and change nothing else. */
  assertions?: boolean;
}

const LANDMARK = '<click-align>';

export function align(flat: FlatGraph, options: AlignOptions): FlatGraph {
  return new AlignPass(flat, options).run(options.assertions ?? false);
}

/** Alignments of all ports, by element. */
type Ports = Map<EditableElement, Alignment[]>;

class AlignPass {
  readonly #graph: EditableGraph;
  readonly #classes: ClassTable;
  readonly #diagnostics: Diagnostics;
  readonly #original: readonly EditableElement[];
  #nextNumber: number;
  #added = 0;

  constructor(flat: FlatGraph, { classes, diagnostics }: AlignOptions) {
    this.#graph = new EditableGraph(flat);
    this.#classes = classes;
    this.#diagnostics = diagnostics;
    this.#original = this.#graph.elements;
    this.#nextNumber = this.#original.length + 1;
    while (this.#graph.byName(`Align@click_align@${this.#nextNumber}`)) this.#nextNumber++;
  }

  run(assertions: boolean): FlatGraph {
    if (assertions) {
      this.#insertChecks();
      return this.#graph.toFlat();
    }
    this.#insertAligns((settled) => settled.wanted());
    this.#joinAligns();
    this.#insertAligns((settled) => settled.adjusted());
    while (this.#skipRedundantAligns()) this.#graph.dropDuplicateConnections();
    this.#removeUnused();
    this.#addInformation();
    if (this.#added > 0)
      this.#diagnostics.warning(undefined, `added ${this.#added} Align element${this.#added > 1 ? 's' : ''}`);
    return this.#graph.toFlat();
  }

  #analysis(): Analysis {
    return new Analysis(this.#graph, this.#classes, this.#diagnostics);
  }

  #insertChecks(): void {
    const wanted = this.#analysis().wantedByElements();
    for (const element of this.#original)
      for (const [port, want] of wanted.get(element)!.entries())
        if (want.modulus > 1)
          this.#insert('CheckAlign', element, port, `${want.modulus}, ${want.offset}, ASSERT true`);
  }

  /** Align what does not come in as some further analysis wants it. */
  #insertAligns(wanted: (analysis: Analysis) => Ports): void {
    const analysis = this.#analysis();
    const have = analysis.had();
    const want = wanted(analysis);
    for (const element of this.#original) {
      if (!element.alive) continue;
      for (const [port, wish] of want.get(element)!.entries()) {
        if (have.get(element)![port]!.satisfies(wish) || wish.isBad) continue;
        this.#insert('Align', element, port, `${wish.modulus}, ${wish.offset}`);
        this.#added++;
      }
    }
  }

  #insert(className: string, element: EditableElement, port: number, config: string): void {
    const name = `${className}@click_align@${this.#nextNumber++}`;
    const inserted = this.#graph.add({ name, className, config, landmark: LANDMARK });
    this.#graph.insertBefore({ element: inserted, port: 0 }, { element, port });
  }

  /** Of two Aligns in a row only the second matters, unless the first is what it relies on. */
  #joinAligns(): void {
    const graph = this.#graph;
    for (const c of graph.connections) {
      const { from, to } = c;
      if (from.className !== 'Align' || to.className !== 'Align' || c.fromPort !== 0 || c.toPort !== 0)
        continue;
      if (alignOf(from).satisfies(alignOf(to))) continue;
      const before = graph.into(from, 0);
      if (graph.into(to, 0).length === 1 && before.length === 1)
        graph.moveFrom(c, { element: before[0]!.from, port: before[0]!.fromPort });
      else if (graph.outOf(from, 0).length === 1) {
        for (const earlier of before) graph.moveTo(earlier, { element: to, port: 0 });
        graph.disconnect(c);
      }
    }
  }

  /** Lead packets past Aligns that find them aligned. */
  #skipRedundantAligns(): boolean {
    const graph = this.#graph;
    const leaves = this.#analysis().left();
    let changed = false;
    // Connections made on the way are looked at, too.
    const queue = graph.connections;
    for (let i = 0; i < queue.length; i++) {
      const c = queue[i]!;
      if (c.to.className !== 'Align' || !c.from.outs.has(c)) continue;
      const have = leaves.get(c.from)?.[c.fromPort];
      const want = leaves.get(c.to)?.[0];
      if (!have || !want || !have.satisfies(want)) continue;
      changed = true;
      const known = new Set(graph.connections);
      for (const next of graph.outOf(c.to, 0).reverse())
        graph.connect({ element: c.from, port: c.fromPort }, { element: next.to, port: next.toPort });
      queue.push(...graph.connections.filter((added) => !known.has(added)));
      graph.disconnect(c);
    }
    return changed;
  }

  #removeUnused(): void {
    const graph = this.#graph;
    for (const e of graph.byClass('AlignmentInfo')) e.alive = false;
    for (let again = true; again; ) {
      again = false;
      for (const e of graph.byClass('Align')) {
        if (graph.inputs(e) > 0 && graph.outputs(e) > 0) continue;
        if (e.landmark === LANDMARK) this.#added--;
        e.alive = false;
        again = true;
      }
    }
    graph.compact();
  }

  #addInformation(): void {
    const arrives = this.#analysis().had();
    const entries: string[] = [];
    for (const e of this.#graph.elements) {
      const flags = this.#classes.get(e.className)?.flags ?? '';
      if (e.ins.size === 0 || !flagValue(flags, 'A')) continue;
      const ports = arrives.get(e)!.map(({ modulus, offset }) => `  ${modulus} ${offset}`);
      entries.push(e.name + ports.join(''));
    }
    if (entries.length === 0) return;
    const name = `AlignmentInfo@click_align@${this.#nextNumber}`;
    this.#graph.add({ name, className: 'AlignmentInfo', config: entries.join(',\n  '), landmark: LANDMARK });
  }
}

function alignOf(e: EditableElement): Alignment {
  return readAlignment(
    e.config.split(',').map((text) => text.trim()),
    () => {},
  );
}

/** Alignments at all ports of the graph as it is. */
class Analysis {
  readonly #graph: EditableGraph;
  readonly #elements: readonly EditableElement[];
  readonly #counts = new Map<EditableElement, readonly [inputs: number, outputs: number]>();
  readonly #aligners = new Map<EditableElement, readonly [aligner: Aligner, flow: string]>();
  #settled: { inputs: Ports; outputs: Ports } | undefined;

  constructor(graph: EditableGraph, classes: ClassTable, diagnostics: Diagnostics) {
    this.#graph = graph;
    this.#elements = graph.elements;
    for (const e of this.#elements) {
      const { name, className, config, span } = e;
      this.#counts.set(e, [graph.inputs(e), graph.outputs(e)]);
      const aligner = alignerFor(className, config, (message) =>
        diagnostics.error(span, `While analyzing alignment for '${name} :: ${className}':\n  ${message}`),
      );
      this.#aligners.set(e, [aligner, classes.get(className)?.flow ?? 'x/x']);
    }
  }

  #start(side: 0 | 1): Ports {
    return new Map(
      this.#elements.map((e) => [e, new Array<Alignment>(this.#counts.get(e)![side]).fill(Alignment.empty)]),
    );
  }

  #settle(): { inputs: Ports; outputs: Ports } {
    if (this.#settled) return this.#settled;
    let inputs = this.#start(0);
    for (;;) {
      const outputs: Ports = new Map();
      for (const e of this.#elements) {
        const [aligner, flow] = this.#aligners.get(e)!;
        outputs.set(e, aligner.have(inputs.get(e)!, this.#counts.get(e)![1], flow));
      }
      const next = this.#start(0);
      for (const c of this.#graph.connections) {
        const list = next.get(c.to)!;
        list[c.toPort] = list[c.toPort]!.or(outputs.get(c.from)![c.fromPort]!);
      }
      const done = same(inputs, next);
      inputs = next;
      if (done) {
        this.#settled = { inputs, outputs };
        return this.#settled;
      }
    }
  }

  /** How packets arrive at inputs. */
  had(): Ports {
    return this.#settle().inputs;
  }

  /** How packets leave outputs. */
  left(): Ports {
    return this.#settle().outputs;
  }

  /** What inputs want, by what is wanted further on. */
  wanted(): Ports {
    let outputs = this.#start(1);
    for (;;) {
      const inputs = this.#wants(outputs);
      const next = this.#start(1);
      for (const c of this.#graph.connections) {
        const list = next.get(c.from)!;
        list[c.fromPort] = list[c.fromPort]!.and(inputs.get(c.to)![c.toPort]!);
      }
      if (same(outputs, next)) return inputs;
      outputs = next;
    }
  }

  /** What elements themselves want of their inputs. */
  wantedByElements(): Ports {
    return this.#wants(this.#start(1));
  }

  #wants(outputs: Ports): Ports {
    const inputs: Ports = new Map();
    for (const e of this.#elements) {
      const [aligner, flow] = this.#aligners.get(e)!;
      inputs.set(e, aligner.want(this.#counts.get(e)![0], outputs.get(e)!, flow));
    }
    return inputs;
  }

  /** Inputs as they are, but for elements that only need to know more. */
  adjusted(): Ports {
    const { inputs } = this.#settle();
    return new Map(
      this.#elements.map((e) => {
        const list = inputs.get(e)!;
        return [e, this.#aligners.get(e)![0].adjust?.(list) ?? list];
      }),
    );
  }
}

function same(a: Ports, b: Ports): boolean {
  for (const [element, list] of a)
    if (!list.every((alignment, port) => alignment.equals(b.get(element)![port]!))) return false;
  return true;
}
