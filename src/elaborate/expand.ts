/** Second pass: replace elements of compound classes by copies of the bodies, with tunnels in between. */

import type { Config } from '../lang/ast.ts';
import { splitArgs } from '../lang/config-string.ts';
import type { Span } from '../lang/source.ts';
import type { Elaboration } from './context.ts';
import { type Choice, chooseOverload } from './overload.ts';
import { type CompoundType, INPUT, OUTPUT, type Scope, type ScopeElement } from './scope.ts';
import { ExpansionTooLong, type Piece, substitute, substituteMapped, Variables } from './variables.ts';

/** Far above what engines take (65,535), low enough to say so within seconds. */
const MAX_ELEMENTS = 300_000;
/** Compound elements may be this deep inside of each other. */
const MAX_DEPTH = 200;

/** An element of the flat configuration, or a tunnel that only passes connections through. */
export interface DraftElement {
  readonly name: string;
  /** Undefined for tunnels. */
  readonly className: string | undefined;
  readonly config: Config | undefined;
  readonly configText: string;
  readonly pieces: readonly Piece[] | undefined;
  readonly span: Span;
  readonly via: readonly Span[];
  readonly undeclared: boolean;
  /** For tunnels: where what arrives at the inputs comes out. */
  exit: number | undefined;
}

export interface DraftConnection {
  readonly from: number;
  readonly fromPort: number;
  readonly to: number;
  readonly toPort: number;
  readonly span: Span;
}

export interface FlatDraft {
  readonly elements: DraftElement[];
  readonly connections: DraftConnection[];
}

class TooLarge extends Error {}

export function expand(elaboration: Elaboration): void {
  const expansion = new Expansion(elaboration);
  elaboration.draft = expansion.draft;
  try {
    expansion.scope(elaboration.scope!, outermostVariables(elaboration), '', []);
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error;
    elaboration.draft = { elements: [], connections: [] };
  }
}

function outermostVariables({ scope, options }: Elaboration): Variables {
  const variables = new Variables(undefined, options.expandVariables === false);
  for (const [name, value] of scope!.definitions) variables.values.set(name, value);
  for (const [name, value] of Object.entries(options.variables ?? {})) variables.values.set(name, value);
  return variables;
}

interface Pending {
  readonly index: number;
  readonly element: ScopeElement;
  readonly type: CompoundType;
}

class Expansion {
  readonly draft: FlatDraft = { elements: [], connections: [] };
  readonly #elaboration: Elaboration;
  readonly #byName = new Map<string, number>();
  readonly #maxElements: number;
  readonly #depthFirst: boolean;

  constructor(elaboration: Elaboration) {
    this.#elaboration = elaboration;
    this.#maxElements = elaboration.options.maxElements ?? MAX_ELEMENTS;
    this.#depthFirst = elaboration.options.order === 'tool';
  }

  /** Copy the elements and connections of a scope; `tunnels` stand for its `input` and `output`. */
  scope(
    scope: Scope,
    variables: Variables,
    prefix: string,
    via: readonly Span[],
    tunnels: readonly number[] = [],
  ): void {
    const indexes = [...tunnels];
    const pending: Pending[] = [];
    const outermost = scope.parent === undefined;
    for (const element of scope.elements.slice(tunnels.length)) {
      const index = this.#element(element, variables, prefix, via);
      indexes.push(index);
      if (element.type?.kind !== 'compound') continue;
      const next = { index, element, type: element.type };
      if (this.#depthFirst && !outermost) this.#compound(next, variables, via);
      else pending.push(next);
    }
    for (const [i, element] of scope.elements.entries())
      if (element.exit !== undefined) this.draft.elements[indexes[i]!]!.exit = indexes[element.exit]!;
    for (const connection of scope.connections)
      this.draft.connections.push({
        from: indexes[connection.from]!,
        fromPort: connection.fromPort,
        to: indexes[connection.to]!,
        toPort: connection.toPort,
        span: connection.span,
      });
    if (this.draft.connections.length > this.#maxElements * 4)
      this.#tooLarge(scope.span, via, `${this.#maxElements * 4} connections`);
    for (const next of pending) this.#compound(next, variables, via);
  }

  #element(element: ScopeElement, variables: Variables, prefix: string, via: readonly Span[]): number {
    const { type, config, span } = element;
    const name = prefix + element.name;
    let configText = config?.text ?? '';
    let pieces: readonly Piece[] | undefined;
    if (configText.includes('$')) {
      const mapped = this.#substitute(config!, variables, via);
      configText = mapped.text;
      pieces = mapped.pieces;
    }
    const className = type?.kind === 'primitive' ? type.name : undefined;
    return this.#add({
      name,
      className,
      config,
      configText,
      pieces,
      span,
      via,
      undeclared: element.undeclared,
      exit: undefined,
    });
  }

  #add(element: DraftElement): number {
    const { elements } = this.draft;
    if (elements.length >= this.#maxElements)
      this.#tooLarge(element.span, element.via, `${this.#maxElements} elements`);
    const before = this.#byName.get(element.name);
    if (before !== undefined)
      this.#elaboration.diagnostics.error(element.span, `redeclaration of element '${element.name}'`, [
        { message: 'first declared here', span: elements[before]!.span },
      ]);
    else this.#byName.set(element.name, elements.length);
    elements.push(element);
    return elements.length - 1;
  }

  #compound({ index, element, type }: Pending, variables: Variables, via: readonly Span[]): void {
    const { diagnostics } = this.#elaboration;
    const draft = this.draft.elements[index]!;
    const args = splitArgs(draft.configText).map((arg) => arg.text);
    const use = { inputs: element.inputs, outputs: element.outputs, args };
    const choice = chooseOverload(type, use, (message, notes) =>
      diagnostics.error(element.span, message, notes),
    );
    if (choice.kind === 'primitive') this.draft.elements[index] = { ...draft, className: choice.name };
    else if (choice.kind === 'none')
      this.draft.elements[index] = { ...draft, className: type.name, undeclared: true };
    else this.#instance(choice, index, variables, [element.span, ...via]);
  }

  #instance(
    choice: Extract<Choice, { kind: 'body' }>,
    index: number,
    variables: Variables,
    via: readonly Span[],
  ): void {
    const { body, values } = choice;
    const compound = this.draft.elements[index]!;
    if (via.length > MAX_DEPTH) this.#tooLarge(compound.span, [], `${MAX_DEPTH} levels`);
    const inner = new Variables(variables.above(body.depth));
    for (const [i, { name }] of body.parameters.entries()) inner.values.set(name, values[i]!);
    for (const [name, value] of body.definitions)
      inner.values.set(name, this.#value(value, inner, compound.span));
    const tunnel = {
      className: undefined,
      config: undefined,
      configText: '',
      pieces: undefined,
      undeclared: false,
    };
    const place = { span: compound.span, via: compound.via };
    const input = this.#add({ ...tunnel, ...place, name: `${compound.name}/input`, exit: undefined });
    const output = this.#add({ ...tunnel, ...place, name: `${compound.name}/output`, exit: index });
    compound.exit = input;
    const tunnels = [];
    tunnels[INPUT] = input;
    tunnels[OUTPUT] = output;
    this.scope(body, inner, `${compound.name}/`, via, tunnels);
  }

  #substitute(config: Config, variables: Variables, via: readonly Span[]) {
    try {
      return substituteMapped(config.text, variables);
    } catch (error) {
      if (error instanceof ExpansionTooLong) this.#tooLarge(config.span, via, 'the text a variable may hold');
      throw error;
    }
  }

  #value(text: string, variables: Variables, span: Span): string {
    try {
      return substitute(text, variables);
    } catch (error) {
      if (error instanceof ExpansionTooLong) this.#tooLarge(span, [], 'the text a variable may hold');
      throw error;
    }
  }

  #tooLarge(span: Span, via: readonly Span[], limit: string): never {
    const notes = via
      .slice(0, 1)
      .map((outer) => ({ message: 'in the compound element declared here', span: outer }));
    this.#elaboration.diagnostics.error(span, `configuration expands beyond ${limit}`, notes);
    throw new TooLarge();
  }
}
