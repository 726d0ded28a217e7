/** Elaboration: from syntax tree to flat element graph, in ordered passes. */

import type { FlatGraph } from '../graph/flat-graph.ts';
import type { Ast } from '../lang/ast.ts';
import type { Diagnostics } from '../lang/diagnostics.ts';
import type { ElaborateOptions, Elaboration } from './context.ts';
import { declare } from './declare.ts';
import { expand } from './expand.ts';
import { link } from './link.ts';

export type { ElaborateOptions } from './context.ts';

/** The passes, in order. Each reports all of its errors and leaves something the next can work on. */
const PASSES: readonly ((elaboration: Elaboration) => void)[] = [
  declare, // names, classes, variables, requirements, connections as written
  expand, // compounds replaced by copies of their bodies
  link, // connections between real ports
];

/**
 * Elaborate a configuration into its flat element graph. Errors go to `diagnostics`; a graph comes
 * back even then, made of what could be understood, so that later checks can report more.
 */
export function elaborate(ast: Ast, options: ElaborateOptions, diagnostics: Diagnostics): FlatGraph {
  const elaboration: Elaboration = { ast, options, diagnostics, requirements: [] };
  for (const pass of PASSES) pass(elaboration);
  return elaboration.graph!;
}
