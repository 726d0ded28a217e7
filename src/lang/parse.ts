/** Parsing: `.click` text to syntax tree, with every syntax error located. */

import type {
  Ast,
  Compound,
  CompoundBody,
  Config,
  ElementNode,
  Name,
  PortList,
  Span,
  Statement,
} from './ast.ts';
import { unquote } from './config-string.ts';
import type { Diagnostics } from './diagnostics.ts';
import { parse as pegParse } from './parser.js';
import { type LineMarker, Source } from './source.ts';

/** Compounds and groups may be nested this deep. */
export const MAX_NESTING = 100;
/** Elements, links, ports and parameters one text may mention in all. */
export const MAX_NODES = 1_000_000;
/** Recovery gives up after skipping this many tokens. */
const MAX_SKIPPED = 100_000;
/** Highest port number a port list may name. */
export const MAX_PORT = 65_535;
/** The parse gives up after this many problems. */
const MAX_PROBLEMS = 100;

/**
 * Parse a configuration. Syntax errors are reported and the text around them is skipped, so the
 * returned tree holds the statements that are intact. Line directives are installed in the source.
 */
export function parse(text: string, file: string, diagnostics: Diagnostics): Ast {
  return parseSource(new Source(text, file), diagnostics);
}

/** As `parse`, for a source object that exists already. */
export function parseSource(source: Source, diagnostics: Diagnostics): Ast {
  const host = new ParserHost(source);
  let statements: Statement[] = [];
  try {
    statements = pegParse(source.text, { host }) as Statement[];
  } catch (error) {
    if (!(error instanceof ParseAbort)) throw error;
  }
  source.setLineMarkers(host.markers);
  for (const problem of host.problems.sort((a, b) => a.span.start - b.span.start))
    diagnostics.error(problem.span, problem.message);
  return { kind: 'router', source, statements, commentRanges: host.commentRanges };
}

class ParseAbort extends Error {}

interface PortPart {
  text: string;
  span: Span;
}

/** What the grammar's actions use: node building, problems, nesting. */
class ParserHost {
  readonly source: Source;
  readonly problems: { span: Span; message: string }[] = [];
  readonly markers: LineMarker[] = [];
  readonly commentRanges: number[] = [];
  /** End offset of the last token, before the blanks that follow it. */
  tokenEnd = 0;
  /** False once a parenthesis without end was met during recovery. */
  parensClose = true;
  readonly #nesting: { bracket: '{' | '('; start: number }[] = [];
  readonly #seen = new Set<string>();
  #nodes = 0;
  #skipped = 0;

  constructor(source: Source) {
    this.source = source;
  }

  problem(span: Span, message: string): void {
    // A rule that backtracks may report the same problem twice.
    const key = `${span.start} ${message}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.problems.push({ span, message });
    if (this.problems.length === MAX_PROBLEMS) this.#abort(span, 'too many errors, giving up');
  }

  syntaxError(start: number, token: string): void {
    const shown = token.length > 24 ? `${token.slice(0, 24)}...` : token;
    this.problem(this.#span(start, start + token.length), `syntax error near '${shown}'${hint(token)}`);
  }

  #abort(span: Span, message: string): never {
    this.problems.push({ span, message });
    throw new ParseAbort();
  }

  #span(start: number, end: number): Span {
    return { source: this.source, start, end };
  }

  missingType(span: Span, name: Name): void {
    this.problem(span, `expected a class name or '{' after 'elementclass ${name.text}'`);
  }

  openCompound(start: number): void {
    this.#open('{', start);
  }

  openGroup(start: number): void {
    this.#open('(', start);
  }

  #open(bracket: '{' | '(', start: number): void {
    if (this.#nesting.length >= MAX_NESTING)
      this.#abort(this.#span(start, start + 1), `compounds and groups nested more than ${MAX_NESTING} deep`);
    this.#nesting.push({ bracket, start });
  }

  close(closed: boolean, end: number): void {
    const { bracket, start } = this.#nesting.pop()!;
    if (closed) return;
    this.tokenEnd = Math.max(start + 1, end);
    const want = bracket === '{' ? '}' : ')';
    this.problem(this.#span(start, start + 1), `unclosed '${bracket}': expected '${want}'`);
  }

  /** Does this token end the construct at hand, or one around it? */
  closes(token: string): boolean {
    if (token === ')') return this.#nesting.at(-1)?.bracket === '(';
    return this.#nesting.some(({ bracket }) => bracket === '{');
  }

  /** Called for everything there can be many of. */
  count(start: number): void {
    if (++this.#nodes > MAX_NODES) this.#abort(this.#span(start, start + 1), 'configuration too large');
  }

  skip(start: number): void {
    if (++this.#skipped > MAX_SKIPPED)
      this.#abort(this.#span(start, start + 1), 'too many errors, giving up');
  }

  element(
    start: number,
    inputs: PortList | null,
    base: ElementNode['base'] | null,
    type: ElementNode['type'] | null,
    config: Config | null,
    outputs: PortList | null,
  ): ElementNode {
    const span = this.#span(start, this.tokenEnd);
    this.count(start);
    return {
      kind: 'element',
      inputs: inputs ?? undefined,
      base: base ?? undefined,
      type: type ?? undefined,
      config: config ?? undefined,
      outputs: outputs ?? undefined,
      span,
    };
  }

  config(open: number, start: number, end: number, cuts: (number[] | null)[], closed: boolean): Config {
    if (!closed) {
      this.problem(this.#span(open, open + 1), "unclosed '(': expected ')'");
      this.tokenEnd = end;
    }
    const ranges = cuts.filter((cut) => cut !== null) as [number, number][];
    let text = '';
    let from = start;
    for (const [cutStart, cutEnd] of ranges) {
      text += this.source.text.slice(from, cutStart);
      from = cutEnd;
    }
    text += this.source.text.slice(from, end);
    return { kind: 'config', text, span: this.#span(start, end), cuts: ranges };
  }

  compound(start: number, parts: (CompoundBody | Span)[]): Compound {
    const bodies = parts.filter((part) => 'statements' in part);
    const extensions = parts.filter((part): part is Span => !('statements' in part));
    for (const extension of extensions)
      if (extension !== parts.at(-1))
        this.problem(extension, "'...' must come last, after one or more compounds");
    return { kind: 'compound', bodies, extension: extensions.at(-1), span: this.#span(start, this.tokenEnd) };
  }

  /** `[0, 2-4, ]`; `closed` is true, or the place of what stands where `]` should. */
  portList(start: number, parts: PortPart[], closed: true | Span): PortList {
    const ports: number[] = [];
    const span = this.#span(start, this.tokenEnd);
    if (closed !== true) this.problem(closed, "syntax error in port list: expected ',' or ']'");
    let last = -1;
    let dash = false;
    let separated = true;
    for (const part of parts) {
      if (part.text === ',' || (part.text === '-' && !separated && !dash)) {
        if (separated) this.problem(part.span, 'syntax error in port list: expected port number');
        separated = true;
        dash = part.text === '-';
        continue;
      }
      if (!separated) this.problem(part.span, "syntax error in port list: expected ',' or ']'");
      separated = false;
      const port = this.#portNumber(part);
      for (let p = dash ? last + 1 : port; p <= port; p++) ports.push(p);
      if (ports.length > MAX_PORT + 1) this.#abort(span, 'port list too long');
      last = port;
      dash = false;
    }
    if (dash) this.problem(parts.at(-1)!.span, 'syntax error in port list: expected port number');
    const open = separated && !dash;
    if (ports.length === 0) ports.push(0);
    return { ports, open, span };
  }

  #portNumber({ text, span }: PortPart): number {
    const octal = /^0[0-7]+$/.test(text);
    const port = /^(0[xX][0-9a-fA-F]+|[0-9]+)$/.test(text) ? (octal ? parseInt(text, 8) : Number(text)) : NaN;
    if (port <= MAX_PORT) return port;
    const why = Number.isNaN(port) ? 'port number should be an integer' : `port number above ${MAX_PORT}`;
    this.problem(span, `syntax error: ${why}`);
    return 0;
  }

  comment(start: number, end: number): void {
    if (start >= (this.commentRanges.at(-1) ?? 0)) this.commentRanges.push(start, end);
  }

  isColumnZero(offset: number): boolean {
    if (offset === 0) return true;
    const before = this.source.text.charCodeAt(offset - 1);
    return before === 10 || before === 13;
  }

  /** `# 12 "file"` or `#line 12 "file"`, anywhere in column 0 but inside quotes and comments. */
  lineDirective(start: number, end: number): void {
    const last = this.markers.at(-1);
    if (last && last.offset >= start) return;
    const directive = /^#[ \t]*(?:line[ \t]+)?(\d+)[ \t]*("(?:[^"\\]|\\.)*"?)?/.exec(
      this.source.text.slice(start, end),
    );
    if (!directive) {
      this.problem(this.#span(start, end), 'unknown preprocessor directive');
      return;
    }
    const file = directive[2] === undefined ? undefined : unquote(directive[2]);
    this.markers.push({ offset: start, line: Number(directive[1]), file });
  }
}

/** What the writer of a stray token probably meant. */
function hint(token: string): string {
  if (token === ':') return " (did you mean '::'?)";
  if (token === '-' || token === '=' || token === '>') return " (did you mean '->'?)";
  if (token === '|') return ' (parameters belong at the start of a compound)';
  return '';
}
