/** The short way through the front end, for programs that want a graph or text and nothing else. */

import { type ElaborateOptions, elaborate } from './elaborate/index.ts';
import { ConfigurationError } from './engine/router.ts';
import type { FlatGraph } from './graph/flat-graph.ts';
import { type PrintFlatOptions, printFlat } from './graph/print-flat.ts';
import type { Ast } from './lang/ast.ts';
import { Diagnostics } from './lang/diagnostics.ts';
import { parse as parseInto } from './lang/parse.ts';
import { printAst } from './lang/printer.ts';

export interface FlattenOptions extends ElaborateOptions {
  /** The name positions are reported in. */
  file?: string;
}

/**
 * Parse a configuration. `file` is the name positions are reported in. With `diagnostics`, mistakes are collected
 * there and the tree holds what is intact; without, they are thrown as one ConfigurationError.
 */
export function parse(text: string, file = 'config', diagnostics?: Diagnostics): Ast {
  const own = diagnostics ?? new Diagnostics();
  const ast = parseInto(text, file, own);
  if (!diagnostics && own.hasErrors) throw new ConfigurationError(own.list);
  return ast;
}

/**
 * The flat graph of a configuration: compound elements taken apart, variables replaced. Neither element classes nor
 * their arguments are checked unless `classes` is given: see `compilePlan` for that. Throws ConfigurationError with
 * every located mistake.
 */
export function flatten(configuration: string | Ast, options: FlattenOptions = {}): FlatGraph {
  const { file = 'config', ...elaboration } = options;
  const diagnostics = new Diagnostics();
  const ast = typeof configuration === 'string' ? parseInto(configuration, file, diagnostics) : configuration;
  const graph = elaborate(ast, elaboration, diagnostics);
  diagnostics.sort();
  if (diagnostics.hasErrors) throw new ConfigurationError(diagnostics.list);
  return graph;
}

/** The text of a syntax tree, comments kept, or of a flat graph. */
export function print(what: Ast | FlatGraph, options: PrintFlatOptions = {}): string {
  return 'statements' in what ? printAst(what) : printFlat(what, options);
}
