/** The syntax tree of a Click configuration, as written; meaning is given to it by elaboration. */

import type { Source, Span } from './source.ts';

export type { Span } from './source.ts';

/** A parsed configuration text. */
export interface Ast {
  readonly kind: 'router';
  readonly source: Source;
  readonly statements: readonly Statement[];
  /** Start and end offset of every comment, in order: `[start, end, start, end, ...]`. */
  readonly commentRanges: readonly number[];
}

export type Statement = ConnectionStatement | ElementclassStatement | DirectiveStatement;

/** `a, b -> c => d`, and also plain declarations and references, which are chains without links. */
export interface ConnectionStatement {
  readonly kind: 'connection';
  /** Empty when the chain starts with an arrow (implicit `input`). */
  readonly first: readonly ElementNode[];
  readonly links: readonly Link[];
  readonly span: Span;
}

export interface Link {
  readonly arrow: '->' | '=>';
  readonly arrowSpan: Span;
  /** Empty when nothing follows the arrow (implicit `output`). */
  readonly elements: readonly ElementNode[];
}

/** One entry of a comma-separated element list: `[0] name :: Class(config) [1]` and its shorter forms. */
export interface ElementNode {
  readonly kind: 'element';
  readonly inputs: PortList | undefined;
  /** Undefined for a lone port list, which stands for implicit `input` or `output`. */
  readonly base: Name | Compound | Group | undefined;
  /** The class after `::`, or 'missing' when `::` has none. */
  readonly type: Name | Compound | 'missing' | undefined;
  readonly config: Config | undefined;
  readonly outputs: PortList | undefined;
  readonly span: Span;
}

export interface Name {
  readonly kind: 'name';
  readonly text: string;
  readonly span: Span;
}

/** `[0, 2-4, ]`; `open` marks a list that ends with a comma or is empty: it expands as far as needed. */
export interface PortList {
  readonly ports: readonly number[];
  readonly open: boolean;
  readonly span: Span;
}

/** A configuration string, the text between parentheses with line directives taken out. */
export interface Config {
  readonly kind: 'config';
  readonly text: string;
  /** The source text between the parentheses. */
  readonly span: Span;
  /** Source ranges inside `span` that are not part of `text` (line directives), ascending. */
  readonly cuts: readonly (readonly [start: number, end: number])[];
}

/** `{ ... || ... }`: one body per overload. */
export interface Compound {
  readonly kind: 'compound';
  readonly bodies: readonly CompoundBody[];
  /** The span of a final `...`, which extends the class's previous definition. */
  readonly extension: Span | undefined;
  readonly span: Span;
}

export interface CompoundBody {
  readonly formals: readonly Formal[];
  readonly statements: readonly Statement[];
  readonly span: Span;
}

/** `$name`, `KEYWORD $name` or `__REST__ $name`. */
export interface Formal {
  readonly keyword: string | undefined;
  readonly name: string;
  readonly span: Span;
}

/** `( statements )` used as an element. */
export interface Group {
  readonly kind: 'group';
  readonly statements: readonly Statement[];
  readonly span: Span;
}

/** `elementclass Name { ... }` or `elementclass Name Other`. */
export interface ElementclassStatement {
  readonly kind: 'elementclass';
  readonly name: Name;
  readonly type: Name | Compound;
  readonly span: Span;
}

/** `require(...)`, `define(...)` or `provide(...)`. */
export interface DirectiveStatement {
  readonly kind: 'require' | 'define' | 'provide';
  readonly config: Config;
  readonly span: Span;
}
