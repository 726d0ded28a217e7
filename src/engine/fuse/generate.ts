/**
 * The fused engine's generator: a checked graph as one C file in which packets travel by direct calls. Where a chain
 * of actions begins behind an element that pushes or pulls by itself, there is an entry for a batch; from there each
 * packet goes all the way, depth first, before the next one follows, as in Click.
 */

import type { FlatConnection } from '../../graph/flat-graph.ts';
import type { ResolvedGraph } from '../../graph/resolved-graph.ts';
import { version } from '../paths.ts';
import { type EdgeReport, isPush, type Line, lineBehind, type Node, nodesOf } from './paths.ts';
import { UnitSources } from './sources.ts';

/** What the engine says of a configuration (fused.h, engine_fuse_facts). */
export interface FuseFacts {
  readonly sources: string;
  readonly plan: string;
  readonly elements: readonly {
    readonly size: number;
    /** Another thread's. */
    readonly remote?: boolean;
    /** The body of its action for its own configuration. */
    readonly code?: string;
    /** Conditions on members that hold as long as it is not reconfigured. */
    readonly fixed?: readonly string[];
  }[];
}

export interface FusedSource {
  readonly text: string;
  readonly edges: readonly EdgeReport[];
  /** Connections that the unit takes over: 0, and there is nothing to gain from it. */
  readonly bound: number;
  /** The elements that leave to the dynamic engine what they seldom meet (ACTION_RARE), by index. */
  readonly rare: readonly number[];
}

/** Actions one behind the other that are inlined into one function at most. */
const MAX_INLINE = 64;

/** The unit of a graph. `classFiles` are the C files of all classes. */
export function generate(
  graph: ResolvedGraph,
  facts: FuseFacts,
  classFiles: ReadonlySet<string>,
): FusedSource {
  return new Generator(graph, facts, classFiles).run();
}

class Generator {
  readonly #nodes: Node[];
  readonly #sources: UnitSources;
  readonly #graph: ResolvedGraph;
  readonly #facts: FuseFacts;
  /** Push arrivals that packets can reach, in the order of the search. */
  readonly #arrivals = new Set<string>();
  /** Where an arrival's code is inlined: the connection, or `entry`. The others call a function of the same. */
  readonly #inlinedAt = new Map<string, FlatConnection | 'entry'>();
  /** Arrivals that are called as functions. */
  readonly #far = new Set<string>();
  readonly #entered = new Set<string>();
  readonly #left = new Set<Node>();
  /** Connections along which a loop carries packets to an element that wants a batch. */
  readonly #inLine = new Set<FlatConnection>();
  readonly #reports: EdgeReport[] = [];
  readonly #table: string[] = [];
  readonly #used = new Set<Node>();

  constructor(graph: ResolvedGraph, facts: FuseFacts, classFiles: ReadonlySet<string>) {
    this.#graph = graph;
    this.#facts = facts;
    this.#nodes = nodesOf(graph, facts, classFiles);
    this.#sources = new UnitSources(this.#nodes.flatMap((n) => n.source ?? []));
  }

  run(): FusedSource {
    const entries: string[] = [];
    for (const c of this.#graph.connections) {
      const from = this.#nodes[c.from]!;
      const to = this.#nodes[c.to]!;
      if (from.element.className === 'Idle') continue;
      if (isPush(to, c.toPort)) {
        if (!passes(to) || from.action) continue;
        const name = arrivalName(to, c.toPort);
        this.#table.push(edge(c, `enter_${name}`, 'NULL'));
        if (this.#entered.has(name)) continue;
        this.#entered.add(name);
        entries.push(this.#pushEntry(to, c.toPort));
      } else if (from.action) {
        this.#table.push(edge(c, 'NULL', `pull_${from.id}`));
        if (this.#left.has(from)) continue;
        this.#left.add(from);
        entries.push(this.#pullEntry(from));
      }
    }
    const arrivals = [...this.#arrivals].map((key) => this.#arrival(key));
    for (const c of this.#graph.connections) this.#report(c);
    const bodies = [...arrivals.map((a) => a.declaration), '', ...arrivals.map((a) => a.body), ...entries];
    const rare = [...this.#used].filter(
      ({ action, source, element }) =>
        action &&
        /ACTION_RARE|PACKET_RARE/.test(this.#facts.elements[element.index]!.code ?? source!.actionText),
    );
    return {
      text: this.#unit(bodies),
      edges: this.#reports,
      bound: this.#table.length,
      rare: rare.map((n) => n.element.index).sort((a, b) => a - b),
    };
  }

  /** Packets arrive along `by`: notes where they may go from there. True if the code is to be inlined there. */
  #arrive(node: Node, input: number, by: FlatConnection | 'entry', depth = 0): boolean {
    if (node.remote) return false;
    const key = arrivalKey(node, input);
    const far = this.#inlinedAt.has(key) || depth >= MAX_INLINE;
    if (far) this.#far.add(key);
    if (this.#arrivals.has(key)) return !far;
    this.#arrivals.add(key);
    if (!far) this.#inlinedAt.set(key, by);
    this.#used.add(node);
    if (node.action)
      for (const c of node.outputs) if (c) this.#arrive(this.#nodes[c.to]!, c.toPort, c, far ? 0 : depth + 1);
    return !far;
  }

  /** The call that a packet `p` takes along a connection. */
  #call(c: FlatConnection): string {
    const node = this.#nodes[c.to]!;
    if (node.remote) return `output_push((Element *)&g->${this.#nodes[c.from]!.id}, ${c.fromPort}, p)`;
    const far = this.#inlinedAt.get(arrivalKey(node, c.toPort)) === c ? '' : 'far_';
    return `${far}${arrivalName(node, c.toPort)}(g, p, ended)`;
  }

  #arrival(key: string): { declaration: string; body: string } {
    const [index, input] = key.split(':').map(Number) as [number, number];
    const node = this.#nodes[index]!;
    const { id, element } = node;
    const name = arrivalName(node, input);
    const where = `/* ${comment(element.landmark)} ${comment(element.name)} :: ${element.className} */`;
    const lines = [
      where,
      `FUSED_INLINE void ${name}(Graph *g, Packet *p, Ended *ended) {`,
      `  FUSED_RUNNING(g->${id});`,
    ];
    if (node.action) lines.push(...this.#switch(node, '  '));
    else if (node.source)
      lines.push(`  element_class_${node.source.type}.push((Element *)&g->${id}, ${input}, &p, 1);`);
    else lines.push(`  ((Element *)&g->${id})->class->push((Element *)&g->${id}, ${input}, &p, 1);`);
    lines.push('}');
    const declarations = [`FUSED_INLINE void ${name}(Graph *g, Packet *p, Ended *ended);`];
    if (this.#far.has(key)) {
      declarations.push(`FUSED_FAR void far_${name}(Graph *g, Packet *p, Ended *ended);`);
      lines.push(`FUSED_FAR void far_${name}(Graph *g, Packet *p, Ended *ended) { ${name}(g, p, ended); }`);
    }
    return { declaration: declarations.join('\n'), body: [...lines, ''].join('\n') };
  }

  /** A packet goes where its action says; with `stays` it stays in the function if that is output `stays`. */
  #switch(node: Node, indent: string, stays?: number): string[] {
    const call = `${this.#actionName(node)}(&g->${node.id}, p)`;
    const rare = `(Element *)&g->${node.id}, p`;
    const outputs = node.outputs.map((c, port) => [c, port] as const).filter(([c]) => c);
    const lines = (this.#facts.elements[node.element.index]!.fixed ?? []).map(
      (fact) => `${indent}FUSED_ASSUME(g->${node.id}.${fact});`,
    );
    if (stays === undefined)
      lines.push(`${indent}switch (${call}) {`, `${indent}case PACKET_RARE: fused_rare(${rare}); break;`);
    else
      lines.push(
        `${indent}output = ${call};`,
        `${indent}if (unlikely(output == PACKET_RARE)) output = ((Element *)&g->${node.id})->class->act(${rare});`,
        `${indent}switch (output) {`,
        `${indent}case ${stays}: goto after_${node.id};`,
      );
    for (const [c, port] of outputs)
      if (port !== stays) lines.push(`${indent}case ${port}: ${this.#call(c!)}; break;`);
    lines.push(`${indent}case PACKET_KEPT: break;`, `${indent}default: fused_end(ended, p);`, `${indent}}`);
    return lines;
  }

  /** The loop over `n` packets of `batch` that leaves in it the `kept` ones that went all along the way. */
  #along(steps: readonly { readonly node: Node; readonly output: number }[]): string {
    const body = steps.flatMap(({ node, output }) => [
      `    FUSED_RUNNING(g->${node.id});`,
      ...this.#switch(node, '    ', output),
      '    continue;',
      `  after_${node.id}:;`,
    ]);
    return `  for (unsigned i = 0; i < n; i++) {
    Packet *p = batch[i];
    int output;
${body.join('\n')}
    batch[kept++] = p;
  }`;
  }

  #actionName(node: Node): string {
    return this.#facts.elements[node.element.index]?.code
      ? `specialised_${node.id}`
      : this.#sources.own(node.source!, node.action!);
  }

  #pushEntry(node: Node, input: number): string {
    const { id, element } = node;
    const line = lineBehind(node, this.#nodes);
    if (line) return this.#lineEntry(node, input, line);
    const far = this.#arrive(node, input, 'entry') ? '' : 'far_';
    const name = arrivalName(node, input);
    return `/* batches for ${comment(element.name)} */
static void enter_${name}(Element *e, int port, Packet **batch, unsigned n) {
  Graph *g = FUSED_GRAPH(e, ${id});
  Packet *burst[BATCH_MAX], **end = burst, ***ended = &end;
  for (unsigned i = 0; i < n; i++) ${far}${name}(g, batch[i], ended);
  fused_free(burst, end);
}
`;
  }

  /** An entry from which packets go on to an element that wants a batch of them. */
  #lineEntry(first: Node, input: number, { steps, end }: Line): string {
    for (const { node, output } of steps) {
      this.#used.add(node);
      for (const [port, c] of node.outputs.entries())
        if (c && port !== output) this.#arrive(this.#nodes[c.to]!, c.toPort, c);
    }
    const last = this.#nodes[end.to]!;
    this.#used.add(last);
    const { id } = last;
    for (const { node, output } of steps) this.#inLine.add(node.outputs[output]!);
    return `/* batches for ${comment(first.element.name)}, gathered again for ${comment(last.element.name)} */
static void enter_${arrivalName(first, input)}(Element *e, int port, Packet **batch, unsigned n) {
  Graph *g = FUSED_GRAPH(e, ${first.id});
  Packet *burst[BATCH_MAX], **end = burst, ***ended = &end;
  unsigned kept = 0;
${this.#along(steps)}
  fused_free(burst, end);
  FUSED_RUNNING(g->${id});
  if (kept) element_class_${last.source!.type}.push((Element *)&g->${id}, ${end.toPort}, batch, kept);
}
`;
  }

  /** Pulls through a chain of actions: from what gives packets up to the output of `last`. */
  #pullEntry(last: Node): string {
    const chain = [last];
    let base: FlatConnection | undefined;
    for (let node = last; ; ) {
      base = node.inputs[0]![0];
      const from = base && this.#nodes[base.from]!;
      if (!from?.action || chain.includes(from)) break;
      chain.unshift(from);
      node = from;
    }
    for (const node of chain) {
      this.#used.add(node);
      for (const c of node.outputs) if (c) this.#arrive(this.#nodes[c.to]!, c.toPort, c);
    }
    const first = chain[0]!;
    const giver = base && this.#nodes[base.from]!;
    let pull = `input_pull_batch((Element *)&g->${first.id}, 0, batch, max)`;
    if (giver?.source && base) {
      this.#used.add(giver);
      pull = `element_class_${giver.source.type}.pull((Element *)&g->${giver.id}, ${base.fromPort}, batch, max)`;
    }
    return `/* ${chain.map((n) => comment(n.element.name)).join(' -> ')}, pulled */
static unsigned pull_${last.id}(Element *e, int port, Packet **batch, unsigned max) {
  Graph *g = FUSED_GRAPH(e, ${last.id});
  Packet *burst[BATCH_MAX], **end = burst, ***ended = &end;
  unsigned n = ${pull}, kept = 0;
${this.#along(chain.map((node) => ({ node, output: 0 })))}
  fused_free(burst, end);
  return kept;
}
`;
  }

  #report(connection: FlatConnection): void {
    const from = this.#nodes[connection.from]!;
    const to = this.#nodes[connection.to]!;
    const add = (kind: EdgeReport['kind'], why: string) => this.#reports.push({ connection, kind, why });
    const each = (node: Node) =>
      `${node.element.className} ${node.element.class.batched || node.element.class.action ? 'works on a batch' : 'moves packets by itself'}`;
    if (from.remote || to.remote)
      add('indirect', from.remote ? 'it begins on another thread' : 'it leads to another thread');
    else if (from.element.className === 'Idle') add('indirect', 'no packet comes from Idle');
    else if (this.#inLine.has(connection))
      add(to.action ? 'inlined' : 'call', to.action ? '' : `a batch at a time: ${each(to)}`);
    else if (!isPush(to, connection.toPort)) {
      if (from.action)
        add(passes(to) ? 'inlined' : 'call', passes(to) ? '' : `a batch at a time: ${each(to)}`);
      else if (!passes(to)) add('indirect', `a batch at a time: ${each(from)}, ${each(to)}`);
      else if (from.source) add('call', `a batch at a time: ${each(from)}`);
      else add('indirect', `a batch at a time: ${from.reason}`);
    } else if (!from.action) {
      if (passes(to)) add('call', `a batch at a time: ${each(from)}`);
      else add('indirect', `a batch at a time: ${each(from)}, ${each(to)}`);
    } else {
      const key = arrivalKey(to, connection.toPort);
      const at = this.#inlinedAt.get(key);
      if (!this.#arrivals.has(key)) add('indirect', 'no packet can come this way');
      else if (!to.source) add('indirect', `${to.element.className} is not part of the unit: ${to.reason}`);
      else if (at !== connection) add('call', this.#elsewhere(at));
      else add(to.action ? 'inlined' : 'call', to.action ? '' : each(to));
    }
  }

  #elsewhere(at: FlatConnection | 'entry' | undefined): string {
    if (at === undefined) return 'the chain of inlined actions is long';
    const name = at === 'entry' ? 'the entry of a batch' : this.#nodes[at.from]!.element.name;
    return `inlined behind ${name} already`;
  }

  #unit(bodies: readonly string[]): string {
    const elements = this.#nodes.map((node, i) => {
      const { className, landmark, name } = node.element;
      const size = this.#facts.elements[i]!.size;
      const type =
        this.#used.has(node) && node.source
          ? this.#sources.own(node.source, node.source.type)
          : `OPAQUE(${size})`;
      return `  FUSED_STATE(${type}) ${node.id}; /* ${comment(landmark)} ${comment(name)} :: ${className} */`;
    });
    const specialised = this.#nodes.flatMap((node, i) => {
      const code = this.#facts.elements[i]!.code;
      if (!code || !node.action || !this.#used.has(node)) return [];
      const type = this.#sources.own(node.source!, node.source!.type);
      const body = this.#sources.own(node.source!, code);
      return [`static inline int specialised_${node.id}(${type} *e, Packet *p) {\n${body}}\n`];
    });
    const table = this.#nodes.map((node, i) => {
      const { class: c } = node.element;
      return `  {"${c.aliasOf ?? c.name}", ${this.#facts.elements[i]!.size}},`;
    });
    return [
      `/* Made by Clicklet ${version}: a configuration as one C file. What it means is in native/include/clicklet/fused.h. */`,
      '#include <clicklet/fused_unit.h>',
      ...this.#sources.includes([...this.#used].flatMap((n) => n.source ?? [])),
      '',
      '/* Actions are inlined wherever a packet needs them, however rarely the compiler believes that to be. */',
      ...new Set(
        [...this.#used].flatMap(({ action, source }) => {
          if (!action) return [];
          const [name, type] = [action, source!.type].map((n) => this.#sources.own(source!, n));
          return [`FUSED_INLINE int ${name}(${type} *e, Packet *p);`];
        }),
      ),
      '',
      '/* The state of all elements, where the engine has placed it. */',
      'typedef struct Graph {',
      ...elements,
      '} Graph;',
      '',
      ...specialised,
      ...bodies,
      'static const FusedElement fused_elements[] = {',
      ...table,
      '};',
      `static const FusedEdge fused_edges[] = {${this.#table.length ? '' : '{0}'}`,
      ...this.#table,
      '};',
      `FUSED_UNIT("${this.#facts.sources}", ${this.#facts.plan}, ${this.#nodes.length}, ${this.#table.length});`,
      '',
    ].join('\n');
  }
}

/** Is it an action that packets come out of? */
const passes = ({ action, element }: Node) => action !== undefined && element.outputs.length > 0;
/** Does it matter by which input packets arrive? */
const inputMatters = ({ action }: Node) => !action;
const arrivalKey = (node: Node, input: number) => `${node.element.index}:${inputMatters(node) ? input : 0}`;
const arrivalName = (node: Node, input: number) =>
  inputMatters(node) && node.element.inputs.length > 1 ? `push_${node.id}_${input}` : `push_${node.id}`;
const edge = (c: FlatConnection, push: string, pull: string) =>
  `  {${c.from}, ${c.to}, ${c.fromPort}, ${c.toPort}, ${push}, ${pull}},`;
const comment = (text: string) => text.replace(/\*\//g, '* /').replace(/[\r\n]+/g, ' ');
