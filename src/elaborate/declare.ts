/** First pass: walk the statements in order and enter what they declare and connect into scopes. */

import type {
  Compound,
  CompoundBody,
  ConnectionStatement,
  DirectiveStatement,
  ElementclassStatement,
  ElementNode,
  Name,
  PortList,
  Statement,
} from '../lang/ast.ts';
import type { Note } from '../lang/diagnostics.ts';
import { parse } from '../lang/parse.ts';
import type { Span } from '../lang/source.ts';
import { pairPorts } from './connect.ts';
import type { Elaboration } from './context.ts';
import { applyDefine, requireEntries } from './directives.ts';
import { type Item, inputEnd, newItem, outputEnd, spreadDeclaration } from './item.ts';
import { Names } from './names.ts';
import { type CompoundType, type ElementType, INPUT, OUTPUT, Scope } from './scope.ts';

export function declare(elaboration: Elaboration): void {
  const { ast } = elaboration;
  const scope = new Scope(undefined, '', { source: ast.source, start: 0, end: 0 });
  elaboration.scope = scope;
  const walker = new Walker(elaboration);
  walker.statements(ast.statements, scope);
  scope.nameAnonymous();
  walker.names.report();
}

class Walker {
  readonly names: Names;
  readonly #elaboration: Elaboration;
  readonly #libraries = new Set<string>();
  #groupDepth = 0;
  #lastEndsInOutput = true;
  #anonymousCompounds = 0;

  constructor(elaboration: Elaboration) {
    this.#elaboration = elaboration;
    this.names = new Names(elaboration);
  }

  statements(statements: readonly Statement[], scope: Scope): void {
    for (const statement of statements) {
      if (statement.kind === 'connection') this.#connection(statement, scope);
      else if (statement.kind === 'elementclass') this.#elementclass(statement, scope);
      else this.#directive(statement, scope);
    }
  }

  #error(span: Span, message: string, notes: readonly Note[] = []): void {
    this.#elaboration.diagnostics.error(span, message, notes);
  }

  // ---- Classes

  #classFor(reference: Name | Compound, scope: Scope): ElementType {
    if (reference.kind === 'compound') return this.#compound(reference, '', scope);
    return this.names.classFor(reference, scope);
  }

  #elementclass(statement: ElementclassStatement, scope: Scope): void {
    const { name, type } = statement;
    const index = scope.indexOf(name.text);
    if (index !== undefined)
      this.#error(name.span, `'${name.text}' already used as an element name`, [
        { message: 'declared here', span: scope.elements[index]!.span },
      ]);
    const declared =
      type.kind === 'compound' ? this.#compound(type, name.text, scope) : this.#classFor(type, scope);
    scope.declareType(name.text, declared);
  }

  #compound(node: Compound, name: string, scope: Scope): CompoundType {
    const shown = name || `<anonymous${++this.#anonymousCompounds}>`;
    const overloads = node.bodies.map((body) => this.#body(body, shown, scope));
    let extension: ElementType | undefined;
    if (node.extension) {
      extension = name === '' ? undefined : this.names.classToExtend(name, scope);
      if (name === '') this.#error(node.extension, 'cannot extend anonymous compound element class');
      else if (!extension) this.#error(node.extension, `cannot extend unknown element class '${name}'`);
    }
    return { kind: 'compound', name, overloads, extension };
  }

  #body(body: CompoundBody, className: string, parent: Scope): Scope {
    const scope = new Scope(parent, className, body.span);
    const [groupDepth, endsInOutput] = [this.#groupDepth, this.#lastEndsInOutput];
    this.#groupDepth = 0;
    this.#lastEndsInOutput = true;
    this.#formals(body, scope);
    this.statements(body.statements, scope);
    this.#checkPseudoelements(className, scope, INPUT, OUTPUT, body.span);
    scope.nameAnonymous();
    this.#groupDepth = groupDepth;
    this.#lastEndsInOutput = endsInOutput;
    return scope;
  }

  #formals(body: CompoundBody, scope: Scope): void {
    const order = ({ keyword }: { keyword: string | undefined }) =>
      keyword === undefined ? 0 : keyword === '__REST__' ? 2 : 1;
    const names = new Set<string>();
    const keywords = new Set<string>();
    let disordered = false;
    for (const { keyword, name, span } of body.formals) {
      const before = scope.parameters.at(-1);
      if (names.has(name)) this.#error(span, `parameter '$${name}' multiply defined`);
      else if (keyword !== undefined && keywords.has(keyword))
        this.#error(span, `repeated keyword parameter '${keyword}' in compound element`);
      else if (before && order({ keyword }) < order(before) && !disordered) {
        disordered = true;
        this.#error(
          span,
          'compound element parameters out of order: the correct order is [positional], [keywords], [__REST__]',
        );
      }
      names.add(name);
      if (keyword !== undefined) keywords.add(keyword);
      scope.parameters.push({ keyword, name });
    }
  }

  /** `input` gives and `output` takes, and every port up to the highest is in use. */
  #checkPseudoelements(owner: string, scope: Scope, input: number, output: number, span: Span) {
    const used = [new Set<number>(), new Set<number>()] as const;
    for (const connection of scope.connections) {
      if (connection.from === input) used[0].add(connection.fromPort);
      if (connection.to === output) used[1].add(connection.toPort);
    }
    const counts = [scope.elements[input]!.outputs, scope.elements[output]!.inputs] as const;
    for (const side of [0, 1] as const) {
      const name = side === 0 ? 'input' : 'output';
      const misused = side === 0 ? scope.elements[input]!.inputs : scope.elements[output]!.outputs;
      if (misused > 0) {
        const wrong = scope.connections.find((c) => (side === 0 ? c.to === input : c.from === output));
        this.#error(
          wrong?.span ?? span,
          `'${owner}' pseudoelement '${name}' may only be used as ${side === 0 ? 'output' : 'input'}`,
        );
      }
      for (let port = 0; port < counts[side]; port++)
        if (!used[side].has(port)) this.#error(span, `'${owner}' ${name} ${port} missing`);
    }
    return { inputs: counts[0], outputs: counts[1] };
  }

  // ---- Directives

  #directive(statement: DirectiveStatement, scope: Scope): void {
    const error = (span: Span, message: string) => this.#error(span, message);
    if (statement.kind === 'define') applyDefine(statement, scope, error);
    else if (statement.kind === 'provide')
      this.#error(statement.span, "syntax error near 'provide': a reserved word without a meaning");
    else
      for (const { type, value, span } of requireEntries(statement, error))
        if (type === 'library') this.#library(value, span, scope);
        else this.#elaboration.requirements.push({ type, value, span });
  }

  #library(name: string, span: Span, scope: Scope): void {
    if (scope.parent) {
      this.#error(span, "'require(library)' must be used at file scope");
      return;
    }
    const { options, diagnostics } = this.#elaboration;
    const library = options.resolveLibrary?.(name, span.source.file);
    if (!library) {
      this.#error(span, `library '${name}' not found`);
      return;
    }
    if (this.#libraries.has(library.file)) return;
    this.#libraries.add(library.file);
    this.statements(parse(library.text, library.file, diagnostics).statements, scope);
  }

  // ---- Connections

  #connection(statement: ConnectionStatement, scope: Scope): void {
    const lists = [statement.first, ...statement.links.map((link) => link.elements)];
    let before: Item[] = [];
    for (const [position, nodes] of lists.entries()) {
      const items = this.#elementList(nodes, statement, position, scope);
      if (position === 0) {
        const useless = items.find((item) => item.inputs ?? item.groupPorts?.inputs);
        if (useless)
          this.#error(useless.inputs?.span ?? useless.node.span, 'input ports ignored at start of chain');
      } else if (before.length > 0 && items.length > 0) {
        const link = statement.links[position - 1]!;
        const pairs = pairPorts(link.arrow, before.map(outputEnd), items.map(inputEnd), (message) =>
          this.#error(link.arrowSpan, message),
        );
        for (const pair of pairs) scope.connect({ ...pair, span: link.arrowSpan });
      }
      before = items;
    }
    const useless = before.find((item) => item.outputs ?? item.groupPorts?.outputs);
    if (useless)
      this.#error(useless.outputs?.span ?? useless.node.span, 'output ports ignored at end of chain');
    this.#lastEndsInOutput = before.length === 1 && before[0]!.index === scope.indexOf('output');
  }

  /** Resolve one list of a chain to elements, declaring those that are new. */
  #elementList(
    nodes: readonly ElementNode[],
    chain: ConnectionStatement,
    position: number,
    scope: Scope,
  ): Item[] {
    const first = position === 0;
    const last = position === chain.links.length;
    const nested = scope.parent !== undefined || this.#groupDepth > 0;
    if (nodes.length === 0) return this.#implicitList(chain, position, nested, scope);
    const items: Item[] = [];
    let implicit = false;
    for (const node of nodes) {
      if (node.base) items.push(this.#item(node, scope));
      else if (nested && (first ? !last || nodes.length > 1 : true)) {
        implicit = true;
        items.push(this.#implicit(first, node.inputs, node, scope));
      } else this.#error(node.span, 'stranded port ignored');
    }
    if (implicit && !first && !last) {
      this.#error(nodes[0]!.span, 'implicit ports used in the middle of a chain');
      return [];
    }
    if (first && last && !implicit) spreadDeclaration(items);
    for (const item of items) item.index ??= this.#declare(item, scope);
    return items;
  }

  #implicitList(chain: ConnectionStatement, position: number, nested: boolean, scope: Scope): Item[] {
    const first = position === 0;
    const link = chain.links[first ? 0 : position - 1]!;
    if (!nested) {
      const message = first
        ? `syntax error near '${link.arrow}'`
        : `syntax error: expected element after '${link.arrow}'`;
      this.#error(link.arrowSpan, message);
      return [];
    }
    if (first && !this.#lastEndsInOutput)
      this.#elaboration.diagnostics.warning(
        link.arrowSpan,
        `suggest 'input ${link.arrow}' or '[0] ${link.arrow}' to start connection`,
      );
    if (!first && position < chain.links.length) {
      this.#error(link.arrowSpan, 'implicit ports used in the middle of a chain');
      return [];
    }
    const node = { kind: 'element', span: link.arrowSpan } as ElementNode;
    return [this.#implicit(first, undefined, node, scope)];
  }

  /** `input` or `output` where only ports, or nothing, are written. */
  #implicit(first: boolean, ports: PortList | undefined, node: ElementNode, scope: Scope): Item {
    const item = newItem(node);
    item.name = first ? 'input' : 'output';
    item.index = scope.indexOf(item.name);
    item.inputs = first ? undefined : ports;
    item.outputs = first ? ports : undefined;
    return item;
  }

  /** Look at one entry: classes are looked up and compounds and groups declared before any element. */
  #item(node: ElementNode, scope: Scope): Item {
    const item = newItem(node);
    const { base, type } = node;
    if (base?.kind === 'name') {
      item.name = base.text;
      item.type = this.names.classNamed(base.text, scope);
      item.bare = type === undefined && node.config === undefined;
    } else if (base?.kind === 'compound') {
      item.type = this.#compound(base, '', scope);
    } else if (base) {
      this.#group(base, item, scope);
    }
    if (type === 'missing') item.declared = { kind: 'primitive', name: item.name };
    else if (type) item.declared = this.#classFor(type, scope);
    return item;
  }

  #group(node: Extract<ElementNode['base'], { kind: 'group' }>, item: Item, scope: Scope): void {
    const name = scope.anonymousName('');
    const group = scope.addTunnel(name, node.span, true);
    const input = scope.addTunnel(`${name}/input`, node.span, true);
    const output = scope.addTunnel(`${name}/output`, node.span, true);
    scope.elements[group]!.exit = input;
    scope.elements[output]!.exit = group;
    const outer = [scope.rebind('input', input), scope.rebind('output', output)];
    this.#groupDepth++;
    this.#lastEndsInOutput = true;
    this.statements(node.statements, scope);
    item.groupPorts = this.#checkPseudoelements('<anonymous group>', scope, input, output, node.span);
    this.#groupDepth--;
    scope.rebind('input', outer[0]);
    scope.rebind('output', outer[1]);
    item.index = group;
    if (item.node.type || item.node.config)
      this.#error(item.node.span, 'an element group takes neither a class nor a configuration');
  }

  /** Find or make the element an entry stands for. */
  #declare(item: Item, scope: Scope): number {
    const { node, name } = item;
    const existing = item.type ? undefined : scope.indexOf(name);
    const nameSpan = node.base!.kind === 'name' ? node.base!.span : node.span;
    if (existing !== undefined) {
      const before = [{ message: 'first declared here', span: scope.elements[existing]!.span }];
      if (item.declared) this.#error(nameSpan, `redeclaration of element '${name}'`, before);
      else if (item.config)
        this.#error(item.config.span, `configuration string ignored on element reference '${name}'`, before);
      return existing;
    }
    let type = item.type;
    const missing = node.type === 'missing';
    // Without a class table a class is first heard of when it is used.
    const namesake = !this.#elaboration.options.classes && !missing && item.declared?.name === name;
    if (item.declared && (type || namesake)) {
      this.#error(nameSpan, `class '${name}' used as element name`);
      type ??= item.declared;
    }
    if (!type && !item.declared)
      type = this.names.assumeClass(name, item.config !== undefined, nameSpan, scope);
    const anonymous = type !== undefined;
    if (!anonymous && /(^|\/)\d+(\/|$)/.test(name))
      this.#error(nameSpan, `element name '${name}' has all-digit component`);
    return scope.add({
      name: anonymous ? scope.anonymousName(name) : name,
      anonymous,
      type: type ?? item.declared,
      config: item.config,
      span: node.base!.kind === 'name' ? nameSpan : { ...nameSpan, end: nameSpan.start + 1 },
      undeclared: missing || isUnknown(type ?? item.declared),
    });
  }
}

function isUnknown(type: ElementType | undefined): boolean {
  return type?.kind === 'primitive' && type.unknown === true;
}
