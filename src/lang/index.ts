/** The configuration language: text, syntax tree, diagnostics. */

export type * from './ast.ts';
export * from './config-string.ts';
export {
  type Diagnostic,
  Diagnostics,
  type FormatOptions,
  formatDiagnostic,
  formatDiagnostics,
  type Note,
  type Severity,
} from './diagnostics.ts';
export { parse, parseSource } from './parse.ts';
export { printAst } from './printer.ts';
export { type Position, Source, type Span } from './source.ts';
export { suggest } from './suggest.ts';
