/**
 * click-xform: subgraphs that look like a pattern are replaced. Patterns are compound classes; `X` is replaced by
 * `X_Replacement`. Inputs and outputs of the compound stand for whatever is connected there, and `$name` as an
 * argument for any argument, the same wherever the name is the same.
 */

import type { Elaboration } from '../../elaborate/context.ts';
import { declare } from '../../elaborate/declare.ts';
import { elaborate } from '../../elaborate/index.ts';
import type { Scope } from '../../elaborate/scope.ts';
import { splitArgs } from '../../lang/config-string.ts';
import type { Diagnostics } from '../../lang/diagnostics.ts';
import { parse } from '../../lang/parse.ts';
import type { FlatGraph } from '../flat-graph.ts';
import { type EditableConnection, type EditableElement, EditableGraph, type Port } from './editable.ts';

const REPLACEMENT = '_Replacement';

/** A compound's body, flat: port k of `input` and of `output` is port k of the compound. */
interface Fragment {
  readonly graph: EditableGraph;
  readonly elements: readonly EditableElement[];
  readonly input: EditableElement;
  readonly output: EditableElement;
}

export interface Pattern {
  readonly name: string;
  readonly pattern: Fragment;
  readonly replacement: Fragment;
}

/** The patterns of a file, in the order of their replacements. */
export function readPatterns(text: string, file: string, diagnostics: Diagnostics): Pattern[] {
  const ast = parse(text, file, diagnostics);
  const elaboration: Elaboration = { ast, options: {}, diagnostics, requirements: [] };
  declare(elaboration);
  const scope = elaboration.scope!;
  const patterns: Pattern[] = [];
  for (const className of scope.typeNames()) {
    if (!className.endsWith(REPLACEMENT) || className === REPLACEMENT) continue;
    const name = className.slice(0, -REPLACEMENT.length);
    const [body, replacement] = [bodyOf(scope, name), bodyOf(scope, className)];
    if (!body || !replacement) continue;
    patterns.push({
      name,
      pattern: flatten({ text, file }, name, body, diagnostics),
      replacement: flatten({ text, file }, className, replacement, diagnostics),
    });
  }
  return patterns;
}

function bodyOf(scope: Scope, className: string): Scope | undefined {
  const type = scope.typeNamed(className);
  return type?.kind === 'compound' ? type.overloads[0] : undefined;
}

const PREFIX = 'click_xform_pattern/';

/** Flatten one compound by using it, with an element on either side to see its ports. */
function flatten(
  { text, file }: { text: string; file: string },
  className: string,
  body: Scope,
  diagnostics: Diagnostics,
): Fragment {
  const [inner, before, after] = [PREFIX.slice(0, -1), 'click_xform_input', 'click_xform_output'];
  const args = body.parameters.map(({ keyword, name }) =>
    keyword === undefined || keyword === '__REST__' ? `$${name}` : `${keyword} $${name}`,
  );
  const lines = [`${before} :: Idle; ${after} :: Idle; ${inner} :: ${className}(${args.join(', ')});`];
  for (let port = 0; port < body.inputs; port++) lines.push(`${before} [${port}] -> [${port}] ${inner};`);
  for (let port = 0; port < body.outputs; port++) lines.push(`${inner} [${port}] -> [${port}] ${after};`);
  const ast = parse(`${text}\n;${lines.join('\n')}`, file, diagnostics);
  const graph = new EditableGraph(elaborate(ast, { order: 'tool', expandVariables: false }, diagnostics));
  const [input, output] = [graph.byName(before), graph.byName(after)];
  for (const e of graph.elements) {
    if (e === input || e === output) continue;
    if (e.name.startsWith(PREFIX)) graph.rename(e, e.name.slice(PREFIX.length));
    else graph.remove(e);
  }
  const elements = graph.elements.filter((e) => e !== input && e !== output);
  return { graph, elements, input: input!, output: output! };
}

/** Apply patterns until none is found any more. Returns the graph and how many replacements there were. */
export function xform(flat: FlatGraph, patterns: readonly Pattern[]): { graph: FlatGraph; count: number } {
  const body = new EditableGraph(flat);
  const rewriter = new Rewriter(body);
  let count = 0;
  while (patterns.some((pattern) => rewriter.apply(pattern))) count++;
  return { graph: count > 0 ? body.toFlat() : flat, count };
}

/** Where a pattern's input or output meets the graph around the match. */
interface Border {
  readonly outside: Port;
  readonly port: number;
}

interface Match {
  /** By pattern element. */
  readonly elements: ReadonlyMap<EditableElement, EditableElement>;
  readonly inputs: readonly Border[];
  readonly outputs: readonly Border[];
  readonly args: ReadonlyMap<string, string>;
}

class Rewriter {
  readonly #body: EditableGraph;
  /** The pattern whose replacement put an element there. */
  readonly #madeBy = new Map<EditableElement, Pattern>();
  readonly #counters = new Map<string, number>();
  #capacity: number;

  constructor(body: EditableGraph) {
    this.#body = body;
    this.#capacity = capacityFor(body.size);
  }

  /** Replace the first match; false if there is none. */
  apply(pattern: Pattern): boolean {
    for (const elements of this.#isomorphisms(pattern.pattern, 0, new Map())) {
      const match = this.#check(pattern, elements);
      if (!match) continue;
      this.#replace(pattern, match);
      return true;
    }
    return false;
  }

  // ---- Finding

  /** Ways to find the pattern's elements in the body, with the connections that the pattern has between them. */
  *#isomorphisms(
    fragment: Fragment,
    next: number,
    found: Map<EditableElement, EditableElement>,
  ): Generator<ReadonlyMap<EditableElement, EditableElement>> {
    const { elements, graph } = fragment;
    const element = elements[next];
    if (!element) {
      yield found;
      return;
    }
    const tied = [...graph.outOf(element), ...graph.into(element)].filter((c) => {
      const other = c.from === element ? c.to : c.from;
      return other === element || found.has(other);
    });
    const used = new Set(found.values());
    for (const candidate of this.#candidates(element, tied, found)) {
      if (candidate.className !== element.className || used.has(candidate)) continue;
      found.set(element, candidate);
      if (tied.every((c) => this.#hasCounterpart(c, found)))
        yield* this.#isomorphisms(fragment, next + 1, found);
      found.delete(element);
    }
  }

  /** Elements that may match, in the body's order: neighbours of what is found already where there are any. */
  #candidates(
    element: EditableElement,
    tied: readonly EditableConnection[],
    found: ReadonlyMap<EditableElement, EditableElement>,
  ): EditableElement[] {
    const tie = tied.find((c) => c.from !== c.to);
    if (!tie) return this.#body.elements;
    const near =
      tie.from === element
        ? this.#body.into(found.get(tie.to)!, tie.toPort).map((c) => c.from)
        : this.#body.outOf(found.get(tie.from)!, tie.fromPort).map((c) => c.to);
    return [...new Set(near)].sort((a, b) => a.index - b.index);
  }

  #hasCounterpart(c: EditableConnection, found: ReadonlyMap<EditableElement, EditableElement>): boolean {
    return this.#body.hasConnection(
      { element: found.get(c.from)!, port: c.fromPort },
      { element: found.get(c.to)!, port: c.toPort },
    );
  }

  /** Do arguments and the connections across the border fit, too? */
  #check(pattern: Pattern, elements: ReadonlyMap<EditableElement, EditableElement>): Match | undefined {
    const { graph, input, output } = pattern.pattern;
    const args = new Map<string, string>();
    for (const [wanted, element] of elements)
      if (!matchArgs(wanted.config, element.config, args)) return undefined;
    // What consists of nothing but this pattern's own replacements would be replaced for ever.
    if ([...elements.values()].every((e) => this.#madeBy.get(e) === pattern)) return undefined;
    const back = new Map([...elements].map(([wanted, element]) => [element, wanted]));
    const inputs: Border[] = [];
    const outputs: Border[] = [];
    for (const c of this.#body.connections) {
      const [from, to] = [back.get(c.from), back.get(c.to)];
      if (from && to) {
        if (!graph.hasConnection({ element: from, port: c.fromPort }, { element: to, port: c.toPort }))
          return undefined;
      } else if (to) {
        // The lowest port of `input` that leads here, and leads nowhere the outside does not.
        const port = lowest(
          graph
            .into(to, c.toPort)
            .filter((p) => p.from === input)
            .map((p) => p.fromPort),
          (candidate) =>
            graph
              .outOf(input, candidate)
              .every((p) =>
                this.#body.hasConnection(
                  { element: c.from, port: c.fromPort },
                  { element: elements.get(p.to) ?? p.to, port: p.toPort },
                ),
              ),
        );
        if (port === undefined) return undefined;
        inputs.push({ outside: { element: c.from, port: c.fromPort }, port });
      } else if (from) {
        const port = lowest(
          graph
            .outOf(from, c.fromPort)
            .filter((p) => p.to === output)
            .map((p) => p.toPort),
          (candidate) =>
            graph
              .into(output, candidate)
              .every((p) =>
                this.#body.hasConnection(
                  { element: elements.get(p.from) ?? p.from, port: p.fromPort },
                  { element: c.to, port: c.toPort },
                ),
              ),
        );
        if (port === undefined) return undefined;
        outputs.push({ outside: { element: c.to, port: c.toPort }, port });
      }
    }
    const allUsed =
      graph.outOf(input).every((c) => inputs.some(({ port }) => port === c.fromPort)) &&
      graph.into(output).every((c) => outputs.some(({ port }) => port === c.toPort));
    return allUsed ? { elements, inputs, outputs, args } : undefined;
  }

  // ---- Replacing

  #replace(pattern: Pattern, match: Match): void {
    const body = this.#body;
    const { replacement } = pattern;
    const prefix = this.#freePrefix(pattern.name);
    const oldNames = new Map<string, string>();
    for (const [wanted, element] of match.elements) {
      oldNames.set(wanted.name, element.name);
      this.#madeBy.delete(element);
      body.remove(element);
    }
    // Tunnels take places while the replacement is put in, as they do in the reference.
    const outer = body.add({ name: prefix, className: '' });
    const entry = body.add({ name: `${prefix}/input`, className: '' });
    const exit = body.add({ name: `${prefix}/output`, className: '' });
    const copies = new Map<EditableElement, EditableElement>([
      [replacement.input, entry],
      [replacement.output, exit],
    ]);
    for (const e of replacement.elements) {
      const config = replaceArgs(e.config, match.args);
      const copy = body.add({ ...e, name: `${prefix}/${e.name}`, config });
      copies.set(e, copy);
      this.#madeBy.set(copy, pattern);
    }
    for (const c of replacement.graph.connections)
      body.connect(
        { element: copies.get(c.from)!, port: c.fromPort },
        { element: copies.get(c.to)!, port: c.toPort },
      );
    for (const e of replacement.elements) {
      const oldName = oldNames.get(e.name);
      if (oldName !== undefined) body.rename(copies.get(e)!, oldName);
    }
    for (const { outside, port } of match.inputs) body.connect(outside, { element: outer, port });
    for (const { outside, port } of match.outputs) body.connect({ element: outer, port }, outside);
    this.#dissolve(outer, entry, exit);
    for (const tunnel of [outer, entry, exit].sort((a, b) => a.index - b.index)) body.remove(tunnel);
    body.dropDuplicateConnections();
    if (body.size > this.#capacity || body.size >= body.elements.length + 500) {
      body.compact();
      this.#capacity = capacityFor(body.size);
    }
  }

  /** Connect what the tunnels connect: into `outer` and out of `entry`, into `exit` and out of `outer`. */
  #dissolve(outer: EditableElement, entry: EditableElement, exit: EditableElement): void {
    const body = this.#body;
    const sources = (tunnel: EditableElement, port: number, seen: ReadonlySet<string>): Port[] => {
      const key = `${tunnel.name} ${port}`;
      if (seen.has(key)) return [];
      return body
        .into(tunnel === entry ? outer : exit, port)
        .reverse()
        .flatMap((c) =>
          c.from === entry || c.from === outer
            ? sources(c.from, c.fromPort, new Set([...seen, key]))
            : [{ element: c.from, port: c.fromPort }],
        );
    };
    for (const c of body.connections) {
      if ((c.from !== entry && c.from !== outer) || c.to === exit || c.to === outer) continue;
      for (const from of sources(c.from, c.fromPort, new Set()))
        body.connect(from, { element: c.to, port: c.toPort });
    }
  }

  #freePrefix(base: string): string {
    for (let count = this.#counters.get(base) ?? 1; ; count++) {
      const prefix = `${base}@${count}`;
      if (this.#body.elements.some((e) => e.name.startsWith(`${prefix}/`))) continue;
      this.#counters.set(base, count + 1);
      return prefix;
    }
  }
}

/** Places the reference makes room for; when they are used up it closes the gaps. */
function capacityFor(size: number): number {
  let capacity = 1;
  while (capacity < size) capacity *= 2;
  return capacity;
}

function lowest(ports: readonly number[], fits: (port: number) => boolean): number | undefined {
  return [...new Set(ports)].sort((a, b) => a - b).find(fits);
}

/** Compare arguments one by one; `$name` in the pattern takes any, once. New values are entered only on success. */
function matchArgs(pattern: string, config: string, args: Map<string, string>): boolean {
  const wanted = splitArgs(pattern).map(({ text }) => text);
  const given = splitArgs(config).map(({ text }) => text);
  if (wanted.length !== given.length) return false;
  const found = new Map<string, string>();
  for (const [i, text] of wanted.entries()) {
    if (text === given[i]) continue;
    if (!/^\$\w+$/.test(text)) return false;
    const known = args.get(text) ?? found.get(text);
    if (known === undefined) found.set(text, given[i]!);
    else if (known !== given[i]) return false;
  }
  for (const [name, value] of found) args.set(name, value);
  return true;
}

function replaceArgs(config: string, args: ReadonlyMap<string, string>): string {
  const list = splitArgs(config).map(({ text }) => text);
  const replaced = list.map((text) => args.get(text) ?? text);
  return replaced.some((text, i) => text !== list[i]) ? replaced.join(', ') : config;
}
