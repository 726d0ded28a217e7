/** Located errors, warnings and notes, and how they are printed. */

import { styleText } from 'node:util';
import type { Source, Span } from './source.ts';

export type Severity = 'error' | 'warning' | 'note';

export interface Note {
  readonly message: string;
  readonly span: Span | undefined;
}

export interface Diagnostic {
  readonly severity: Severity;
  readonly message: string;
  /** Undefined only where no source text is to blame (a variable from the command line, say). */
  readonly span: Span | undefined;
  readonly notes: readonly Note[];
}

/** Reports beyond this are counted but not kept, so hostile input cannot fill memory. */
const MAX_KEPT = 1000;

/** Collects the diagnostics of one run; stages report everything they find before the next one decides. */
export class Diagnostics {
  readonly list: Diagnostic[] = [];
  #errors = 0;
  #dropped = 0;

  /** Number of errors reported so far, dropped ones included. */
  get errorCount(): number {
    return this.#errors;
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  /** Number of reports that were counted but not kept. */
  get dropped(): number {
    return this.#dropped;
  }

  error(span: Span | undefined, message: string, notes: readonly Note[] = []): void {
    this.#errors++;
    this.#add({ severity: 'error', message, span, notes });
  }

  warning(span: Span | undefined, message: string, notes: readonly Note[] = []): void {
    this.#add({ severity: 'warning', message, span, notes });
  }

  note(span: Span | undefined, message: string): void {
    this.#add({ severity: 'note', message, span, notes: [] });
  }

  /** Put the reports in the order of the text, source by source; those without a place come first. */
  sort(): void {
    const rank = new Map<Source | undefined, number>([[undefined, -1]]);
    for (const { span } of this.list) if (!rank.has(span?.source)) rank.set(span?.source, rank.size);
    this.list.sort(
      (a, b) =>
        rank.get(a.span?.source)! - rank.get(b.span?.source)! || (a.span?.start ?? 0) - (b.span?.start ?? 0),
    );
  }

  #add(diagnostic: Diagnostic): void {
    if (this.list.length < MAX_KEPT) this.list.push(diagnostic);
    else this.#dropped++;
  }
}

export interface FormatOptions {
  /** Use terminal colours. Off by default. */
  color?: boolean;
}

/** Print diagnostics as text, each with its source line, a caret and its notes. Ends with a newline. */
export function formatDiagnostics(
  diagnostics: Diagnostics | readonly Diagnostic[],
  options: FormatOptions = {},
): string {
  const list = diagnostics instanceof Diagnostics ? diagnostics.list : diagnostics;
  let text = list.map((diagnostic) => formatDiagnostic(diagnostic, options)).join('');
  if (diagnostics instanceof Diagnostics && diagnostics.dropped > 0)
    text += `${diagnostics.dropped} more messages not shown\n`;
  return text;
}

/** Print one diagnostic: `file:line:col: error: message`, source line, caret line, then notes. */
export function formatDiagnostic(diagnostic: Diagnostic, options: FormatOptions = {}): string {
  let text = formatOne(diagnostic.severity, diagnostic.message, diagnostic.span, options);
  for (const note of diagnostic.notes) text += formatOne('note', note.message, note.span, options);
  return text;
}

type Style = Parameters<typeof styleText>[0];

const STYLE: Record<Severity, Style> = {
  error: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  note: ['bold', 'cyan'],
};

function formatOne(severity: Severity, message: string, span: Span | undefined, options: FormatOptions) {
  const paint = (style: Style, text: string) =>
    options.color ? styleText(style, text, { validateStream: false }) : text;
  const label = paint(STYLE[severity], `${severity}:`);
  if (!span) return `${label} ${message}\n`;
  const { file, line, column } = span.source.locate(span.start);
  const place = paint('bold', `${file}:${line}:${column}:`);
  const { sourceLine, caret } = excerpt(span);
  return `${place} ${label} ${message}\n${sourceLine}\n${paint('green', caret)}\n`;
}

const CONTEXT = 60;
const MAX_LINE = 160;

/** The source line and the caret line below it; long lines are cut around the caret. */
function excerpt(span: Span): { sourceLine: string; caret: string } {
  const line = span.source.lineAt(span.start);
  let text = line.text;
  let column = Math.min(span.start - line.start, text.length);
  const length = Math.max(1, Math.min(span.end - span.start, text.length - column));
  let prefix = '';
  if (text.length > MAX_LINE) {
    const from = Math.max(0, column - CONTEXT);
    const to = Math.min(text.length, from + MAX_LINE);
    prefix = from > 0 ? '...' : '';
    text = prefix + text.slice(from, to) + (to < line.text.length ? '...' : '');
    column = column - from + prefix.length;
  }
  const indent = text.slice(0, column).replace(/[^\t]/g, ' ');
  const tildes = Math.max(0, Math.min(length, text.length - column) - 1);
  return { sourceLine: text, caret: `${indent}^${'~'.repeat(tildes)}` };
}
