/** The flat element graph: what a configuration means once compounds, variables and scopes are gone. */

import type { Span } from '../lang/source.ts';

/** One configuration argument after variable substitution, without comments and outer blanks. */
export interface FlatArg {
  readonly text: string;
  /** Where it is written; text that came from a variable is located at the reference. */
  readonly span: Span;
}

export interface FlatElement {
  /** Position in `FlatGraph.elements`; connections refer to elements by it. */
  readonly index: number;
  /** `outer/inner` for elements of compounds, `Class@N` for anonymous ones. */
  readonly name: string;
  readonly className: string;
  readonly args: readonly FlatArg[];
  /** The whole configuration string after variable substitution, comments included. */
  readonly configText: string;
  /** The declaration: the element's name or class. */
  readonly span: Span;
  /** `file:line` of the declaration. */
  readonly landmark: string;
  /** Declarations of the compound elements this one is inside of, innermost first. */
  readonly via: readonly Span[];
  /** The name was never declared; reported already, so checks leave the element alone. */
  readonly undeclared: boolean;
}

/** A connection between ports; `from` and `to` are element indexes. */
export interface FlatConnection {
  readonly from: number;
  readonly fromPort: number;
  readonly to: number;
  readonly toPort: number;
  readonly span: Span;
}

/** One `require(...)` entry; `value` is empty for those without one. */
export interface Requirement {
  readonly type: string;
  readonly value: string;
  readonly span?: Span;
}

/** A variable of the outermost scope, with its unexpanded value. */
export interface Definition {
  readonly name: string;
  readonly value: string;
}

export interface FlatGraph {
  readonly elements: readonly FlatElement[];
  readonly connections: readonly FlatConnection[];
  readonly requirements: readonly Requirement[];
  readonly definitions: readonly Definition[];
}
