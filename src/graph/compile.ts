/** The whole front end in one call: parse, elaborate, check. */

import { type ElaborateOptions, elaborate } from '../elaborate/index.ts';
import { Diagnostics } from '../lang/diagnostics.ts';
import { parse } from '../lang/parse.ts';
import { check } from './check.ts';
import type { ClassTable } from './class-table.ts';
import type { FlatGraph } from './flat-graph.ts';
import type { ResolvedGraph } from './resolved-graph.ts';

export interface CompileOptions extends Omit<ElaborateOptions, 'classes'> {
  classes: ClassTable;
  /** Where the graph is to run; classes that are not compiled for it are errors. */
  target?: string;
  /** Of a configuration that did not elaborate, report nothing more than unknown classes, as the reference does. */
  stopEarly?: boolean;
}

export interface CompileResult {
  /** The checked graph; undefined if there were errors. */
  graph: ResolvedGraph | undefined;
  /** The flat graph, made of what could be understood. */
  flat: FlatGraph;
  diagnostics: Diagnostics;
}

/** Compile configuration text to a checked graph. `file` is the name positions are reported in. */
export function compile(text: string, file: string, options: CompileOptions): CompileResult {
  const diagnostics = new Diagnostics();
  const ast = parse(text, file, diagnostics);
  const flat = elaborate(ast, options, diagnostics);
  const partial = diagnostics.hasErrors;
  const { classes, target } = options;
  const classesOnly = partial && options.stopEarly === true;
  const graph = check(flat, classes, diagnostics, {
    partial,
    classesOnly,
    ...(target !== undefined && { target }),
  });
  diagnostics.sort();
  return { graph: partial ? undefined : graph, flat, diagnostics };
}
