/** What the passes of one elaboration share. */

import type { FlatGraph, Requirement } from '../graph/flat-graph.ts';
import type { Ast } from '../lang/ast.ts';
import type { Diagnostics } from '../lang/diagnostics.ts';
import type { FlatDraft } from './expand.ts';
import type { Scope } from './scope.ts';

export interface ElaborateOptions {
  /**
   * The element classes that exist. Without them every undeclared name counts as a class, and
   * nothing is said about unknown ones.
   */
  classes?: { has(name: string): boolean; names(): Iterable<string> };
  /** Values from the command line; they override `define`. */
  variables?: Readonly<Record<string, string>>;
  /** Finds the file that `require(library NAME)` means; `from` is the requiring file. */
  resolveLibrary?: (name: string, from: string) => { file: string; text: string } | undefined;
  /** Substitute variables of the outermost scope. On by default; click-flatten leaves them alone. */
  expandVariables?: boolean;
  /**
   * Order of elements and connections: `driver` as the running router has them (default), `tool` as
   * click-flatten prints them.
   */
  order?: 'driver' | 'tool';
  /** Give up when expansion makes more elements than this; 1,000,000 by default. */
  maxElements?: number;
}

/** Carried from pass to pass; each pass fills in its part. */
export interface Elaboration {
  readonly ast: Ast;
  readonly options: ElaborateOptions;
  readonly diagnostics: Diagnostics;
  readonly requirements: Requirement[];
  /** Declared by the first pass. */
  scope?: Scope;
  /** Elements with tunnels still in place, from expansion. */
  draft?: FlatDraft;
  graph?: FlatGraph;
}
