/** Graphs: the flat graph, the checked graph, the class table, and the front end that makes them. */

export { type CheckOptions, check } from './check.ts';
export { type ClassArg, type ClassHandler, ClassTable, type ElementClass } from './class-table.ts';
export { type CompileOptions, type CompileResult, compile } from './compile.ts';
export type {
  Definition,
  FlatArg,
  FlatConnection,
  FlatElement,
  FlatGraph,
  Requirement,
} from './flat-graph.ts';
export { type PrintFlatOptions, printFlat } from './print-flat.ts';
export { GraphIndex } from './queries.ts';
export type { PortProcessing, ResolvedElement, ResolvedGraph } from './resolved-graph.ts';
