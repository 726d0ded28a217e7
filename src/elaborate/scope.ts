/** What a configuration or a compound body declares, before expansion. */

import type { Config } from '../lang/ast.ts';
import type { Span } from '../lang/source.ts';
import { ConnectionSet } from './connection-set.ts';

/** An element class as a declaration sees it. Aliases refer to the type they name. */
export type ElementType = PrimitiveType | CompoundType;

export interface PrimitiveType {
  readonly kind: 'primitive';
  readonly name: string;
  /** Not in the class table; reported already. */
  readonly unknown?: boolean;
}

export interface CompoundType {
  readonly kind: 'compound';
  /** Empty for anonymous compounds. */
  readonly name: string;
  readonly overloads: readonly Scope[];
  /** What `...` continues with. */
  readonly extension: ElementType | undefined;
}

export interface ScopeElement {
  name: string;
  /** The name is provisional until the scope is complete. */
  anonymous: boolean;
  /** Undefined for tunnels: pseudoelements and groups, which only pass connections through. */
  readonly type: ElementType | undefined;
  readonly config: Config | undefined;
  readonly span: Span;
  readonly undeclared: boolean;
  /** Ports in use, by connections: highest number plus one. */
  inputs: number;
  outputs: number;
  /** For tunnels: the element whose outputs carry what arrives at this one's inputs. */
  exit: number | undefined;
}

export interface ScopeConnection {
  readonly from: number;
  readonly fromPort: number;
  readonly to: number;
  readonly toPort: number;
  readonly span: Span;
}

export interface Parameter {
  readonly keyword: string | undefined;
  readonly name: string;
}

/** Index of `input` and `output` among the elements of a compound's scope. */
export const INPUT = 0;
export const OUTPUT = 1;

/** The outermost configuration (`parent` undefined) or one body of a compound. */
export class Scope {
  readonly parent: Scope | undefined;
  readonly depth: number;
  readonly className: string;
  readonly span: Span;
  readonly elements: ScopeElement[] = [];
  readonly connections: ScopeConnection[] = [];
  readonly parameters: Parameter[] = [];
  /** Values of `define`, in order. */
  readonly definitions = new Map<string, string>();
  readonly #types = new Map<string, ElementType>();
  readonly #byName = new Map<string, number>();
  readonly #connected = new ConnectionSet();

  constructor(parent: Scope | undefined, className: string, span: Span) {
    this.parent = parent;
    this.depth = parent ? parent.depth + 1 : 0;
    this.className = className;
    this.span = span;
    if (parent) {
      this.addTunnel('input', span);
      this.addTunnel('output', span);
    }
  }

  /** Inputs and outputs of a compound, once its statements are in. */
  get inputs(): number {
    return this.parent ? this.elements[INPUT]!.outputs : 0;
  }

  get outputs(): number {
    return this.parent ? this.elements[OUTPUT]!.inputs : 0;
  }

  /** The class a name stands for at this moment; later declarations do not reach back. */
  typeNamed(name: string): ElementType | undefined {
    return this.#types.get(name) ?? this.parent?.typeNamed(name);
  }

  declareType(name: string, type: ElementType): void {
    this.#types.set(name, type);
  }

  /** All class names declared here and around. */
  *typeNames(): Iterable<string> {
    yield* this.#types.keys();
    if (this.parent) yield* this.parent.typeNames();
  }

  indexOf(name: string): number | undefined {
    return this.#byName.get(name);
  }

  /** Names that declarations gave to elements. */
  declaredNames(): string[] {
    return [...this.#byName.keys()].filter((name) => !name.includes('@'));
  }

  /** Make a name stand for another element (groups do, with `input` and `output`); returns the old one. */
  rebind(name: string, index: number | undefined): number | undefined {
    const old = this.#byName.get(name);
    if (index === undefined) this.#byName.delete(name);
    else this.#byName.set(name, index);
    return old;
  }

  /** The provisional name of the next anonymous element: its position among all elements. */
  anonymousName(className: string): string {
    const pseudoelements = this.parent ? 2 : 0;
    return `${className}@${this.elements.length - pseudoelements + 1}`;
  }

  add(element: Pick<ScopeElement, 'name' | 'anonymous' | 'type' | 'config' | 'span' | 'undeclared'>): number {
    const index = this.elements.length;
    const { name, anonymous, type, config, span, undeclared } = element;
    this.elements.push({
      name,
      anonymous,
      type,
      config,
      span,
      undeclared,
      inputs: 0,
      outputs: 0,
      exit: undefined,
    });
    if (!anonymous) this.#byName.set(name, index);
    return index;
  }

  addTunnel(name: string, span: Span, anonymous = false): number {
    return this.add({ name, anonymous, type: undefined, config: undefined, span, undeclared: false });
  }

  /** Add a connection; a second one between the same ports is the same connection. */
  connect(connection: ScopeConnection): void {
    const { from, fromPort, to, toPort } = connection;
    if (!this.#connected.add(from, fromPort, to, toPort)) return;
    this.connections.push(connection);
    const source = this.elements[from]!;
    const target = this.elements[to]!;
    source.outputs = Math.max(source.outputs, fromPort + 1);
    target.inputs = Math.max(target.inputs, toPort + 1);
  }

  /** Give anonymous elements their final names: the next free number after the provisional one. */
  nameAnonymous(): void {
    for (const [index, element] of this.elements.entries()) {
      if (!element.anonymous) continue;
      let name = element.name;
      if (this.#byName.has(name)) {
        const digits = /^(.*@)(\d+)(.*)$/.exec(name)!;
        let number = Number(digits[2]);
        do name = `${digits[1]}${++number}`;
        while (this.#byName.has(name));
      }
      element.name = name;
      element.anonymous = false;
      this.#byName.set(name, index);
    }
  }
}
