/**
 * The fused engine's generator: a checked graph as one C file in which packets travel by direct calls. Where a chain
 * of actions begins behind an element that pushes or pulls by itself, there is an entry for a batch; from there each
 * packet goes all the way, depth first, before the next one follows, as in Click.
 */

import type { FlatConnection } from '../../graph/flat-graph.ts';
import type { ResolvedGraph } from '../../graph/resolved-graph.ts';
import { version } from '../paths.ts';
import { type EdgeReport, isPush, type Node, nodesOf } from './paths.ts';
import { clashes } from './sources.ts';

/** What the engine says of a configuration (fused.h, engine_fuse_facts). */
export interface FuseFacts {
  readonly sources: string;
  readonly plan: string;
  readonly elements: readonly {
    readonly size: number;
    /** The body of its action for its own configuration. */
    readonly code?: string;
    /** Conditions on members that hold as long as it is not reconfigured. */
    readonly fixed?: readonly string[];
  }[];
}

export interface FusedSource {
  readonly text: string;
  readonly edges: readonly EdgeReport[];
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
  readonly #reports: EdgeReport[] = [];
  readonly #table: string[] = [];
  readonly #used = new Set<Node>();

  constructor(graph: ResolvedGraph, facts: FuseFacts, classFiles: ReadonlySet<string>) {
    this.#graph = graph;
    this.#facts = facts;
    this.#nodes = nodesOf(graph, classFiles);
  }

  run(): FusedSource {
    const entries: string[] = [];
    for (const c of this.#graph.connections) {
      const from = this.#nodes[c.from]!;
      const to = this.#nodes[c.to]!;
      if (from.element.className === 'Idle') continue;
      if (isPush(to, c.toPort)) {
        if (!to.action || from.action) continue;
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
    return { text: this.#unit(bodies), edges: this.#reports };
  }

  /** Packets arrive along `by`: notes where they may go from there. True if the code is to be inlined there. */
  #arrive(node: Node, input: number, by: FlatConnection | 'entry', depth = 0): boolean {
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
    const far = this.#inlinedAt.get(arrivalKey(node, c.toPort)) === c ? '' : 'far_';
    return `${far}${arrivalName(node, c.toPort)}(g, p)`;
  }

  #arrival(key: string): { declaration: string; body: string } {
    const [index, input] = key.split(':').map(Number) as [number, number];
    const node = this.#nodes[index]!;
    const { id, element } = node;
    const name = arrivalName(node, input);
    const where = `/* ${comment(element.landmark)} ${comment(element.name)} :: ${element.className} */`;
    const lines = [where, `FUSED_INLINE void ${name}(Graph *g, Packet *p) {`, `  FUSED_RUNNING(g->${id});`];
    if (node.action) lines.push(...this.#switch(node, '  ', input));
    else if (node.source)
      lines.push(`  element_class_${node.source.type}.push((Element *)&g->${id}, ${input}, &p, 1);`);
    else lines.push(`  ((Element *)&g->${id})->class->push((Element *)&g->${id}, ${input}, &p, 1);`);
    lines.push('}');
    const declarations = [`FUSED_INLINE void ${name}(Graph *g, Packet *p);`];
    if (this.#far.has(key)) {
      declarations.push(`FUSED_FAR void far_${name}(Graph *g, Packet *p);`);
      lines.push(`FUSED_FAR void far_${name}(Graph *g, Packet *p) { ${name}(g, p); }`);
    }
    return { declaration: declarations.join('\n'), body: [...lines, ''].join('\n') };
  }

  /** A packet goes where its action says. */
  #switch(node: Node, indent: string, input = 0, kept?: string): string[] {
    const port = node.element.class.actionTakesPort ? `, ${input}` : '';
    const call = `${this.#actionName(node)}(&g->${node.id}${port}, p)`;
    const outputs = node.outputs.map((c, port) => [c, port] as const).filter(([c]) => c);
    const lines = (this.#facts.elements[node.element.index]!.fixed ?? []).map(
      (fact) => `${indent}FUSED_ASSUME(g->${node.id}.${fact});`,
    );
    lines.push(`${indent}switch (${call}) {`);
    if (kept) lines.push(`${indent}case 0: ${kept}`);
    for (const [c, port] of outputs) {
      if (kept && port === 0) continue;
      lines.push(`${indent}case ${port}: ${this.#call(c!)}; break;`);
    }
    lines.push(`${indent}case PACKET_KEPT: break;`, `${indent}default: packet_free(p);`, `${indent}}`);
    return lines;
  }

  #actionName(node: Node): string {
    return this.#facts.elements[node.element.index]?.code ? `specialised_${node.id}` : node.action!;
  }

  #pushEntry(node: Node, input: number): string {
    const far = this.#arrive(node, input, 'entry') ? '' : 'far_';
    const { id, element } = node;
    const name = arrivalName(node, input);
    return `/* batches for ${comment(element.name)} */
static void enter_${name}(Element *e, int port, Packet **batch, unsigned n) {
  Graph *g = FUSED_GRAPH(e, ${id});
  for (unsigned i = 0; i < n; i++) ${far}${name}(g, batch[i]);
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
    const steps = chain.map((node) => {
      const lines = this.#switch(node, '    ', 0, `goto after_${node.id};`);
      return [`    FUSED_RUNNING(g->${node.id});`, ...lines, '    continue;', `  after_${node.id}:;`].join(
        '\n',
      );
    });
    return `/* ${chain.map((n) => comment(n.element.name)).join(' -> ')}, pulled */
static unsigned pull_${last.id}(Element *e, int port, Packet **batch, unsigned max) {
  Graph *g = FUSED_GRAPH(e, ${last.id});
  unsigned n = ${pull}, kept = 0;
  for (unsigned i = 0; i < n; i++) {
    Packet *p = batch[i];
${steps.join('\n')}
    batch[kept++] = p;
  }
  return kept;
}
`;
  }

  #report(connection: FlatConnection): void {
    const from = this.#nodes[connection.from]!;
    const to = this.#nodes[connection.to]!;
    const add = (kind: EdgeReport['kind'], why: string) => this.#reports.push({ connection, kind, why });
    const each = (node: Node) => `${node.element.className} moves packets by itself`;
    if (from.element.className === 'Idle') add('indirect', 'no packet comes from Idle');
    else if (!isPush(to, connection.toPort)) {
      if (from.action) add(to.action ? 'inlined' : 'call', to.action ? '' : `a batch at a time: ${each(to)}`);
      else if (!to.action) add('indirect', `a batch at a time: ${each(from)}, ${each(to)}`);
      else if (from.source) add('call', `a batch at a time: ${each(from)}`);
      else add('indirect', `a batch at a time: ${from.reason}`);
    } else if (!from.action) {
      if (to.action) add('call', `a batch at a time: ${each(from)}`);
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
    const used = [...this.#used].filter((n) => n.source);
    const files = [...new Set(used.flatMap((n) => n.source!.files))];
    const headers = [...new Set(used.flatMap((n) => n.source!.headers))];
    const { names, macros } = clashes(files);
    const includes = files.flatMap((file) => {
      const own = (name: string) => `${file.replace(/^elements\//, '').replace(/\W/g, '_')}__${name}`;
      const renamed = names.get(file) ?? [];
      return [
        ...renamed.map((name) => `#define ${name} ${own(name)}`),
        `#include "${file}"`,
        ...[...renamed, ...(macros.get(file) ?? [])].map((name) => `#undef ${name}`),
      ];
    });
    const elements = this.#nodes.map((node, i) => {
      const { className, landmark, name } = node.element;
      const size = this.#facts.elements[i]!.size;
      const type = this.#used.has(node) && node.source ? node.source.type : `OPAQUE(${size})`;
      return `  FUSED_STATE(${type}) ${node.id}; /* ${comment(landmark)} ${comment(name)} :: ${className} */`;
    });
    const specialised = this.#nodes.flatMap((node, i) => {
      const code = this.#facts.elements[i]!.code;
      if (!code || !node.action || !this.#used.has(node)) return [];
      const { type } = node.source!;
      return [`static inline int specialised_${node.id}(${type} *e, Packet *p) {\n${code}}\n`];
    });
    const table = this.#nodes.map((node, i) => {
      const { class: c } = node.element;
      return `  {"${c.aliasOf ?? c.name}", ${this.#facts.elements[i]!.size}},`;
    });
    return [
      `/* Made by Clicklet ${version}: a configuration as one C file. What it means is in native/include/clicklet/fused.h. */`,
      '#include <clicklet/fused_unit.h>',
      ...headers.map((file) => `#include "${file}"`),
      ...includes,
      '',
      '/* Actions are inlined wherever a packet needs them, however rarely the compiler believes that to be. */',
      ...[
        ...new Set(
          used
            .filter((n) => n.action)
            .map((n) => {
              const port = n.element.class.actionTakesPort ? ' int port,' : '';
              return `FUSED_INLINE int ${n.action}(${n.source!.type} *e,${port} Packet *p);`;
            }),
        ),
      ],
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

/** Does it matter by which input packets arrive? */
const inputMatters = ({ action, element }: Node) => !action || element.class.actionTakesPort === true;
const arrivalKey = (node: Node, input: number) => `${node.element.index}:${inputMatters(node) ? input : 0}`;
const arrivalName = (node: Node, input: number) =>
  inputMatters(node) && node.element.inputs.length > 1 ? `push_${node.id}_${input}` : `push_${node.id}`;
const edge = (c: FlatConnection, push: string, pull: string) =>
  `  {${c.from}, ${c.to}, ${c.fromPort}, ${c.toPort}, ${push}, ${pull}},`;
const comment = (text: string) => text.replace(/\*\//g, '* /').replace(/[\r\n]+/g, ' ');
