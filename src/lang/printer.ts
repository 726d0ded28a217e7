/** Syntax tree to text, laid out the usual way. Comments are kept; line directives are not. */

import type {
  Ast,
  Compound,
  CompoundBody,
  Config,
  ConnectionStatement,
  ElementNode,
  Formal,
  Group,
  Name,
  PortList,
  Span,
  Statement,
} from './ast.ts';

const INDENT = '  ';
/** Chains and inline bodies longer than this are broken, in columns. */
const WIDTH = 80;

/** Print a configuration. Parsing the result gives the same tree but for positions. */
export function printAst(ast: Ast): string {
  return new Printer(ast).print();
}

interface Comment {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

class Printer {
  readonly #ast: Ast;
  readonly #text: string;
  /** Index into `commentRanges` of the next comment to print. */
  #comment = 0;
  /** Comments passed by inside of a statement. */
  readonly #held: Comment[] = [];

  constructor(ast: Ast) {
    this.#ast = ast;
    this.#text = ast.source.text;
  }

  print(): string {
    const lines = this.#statements(this.#ast.statements, '', 0);
    lines.push(...this.#commentsBefore(Number.POSITIVE_INFINITY, ''));
    return lines.map((line) => `${line}\n`).join('');
  }

  /** Statements as lines; `from` is where the text they stand in starts. */
  #statements(statements: readonly Statement[], indent: string, from: number): string[] {
    const lines: string[] = [];
    let previousEnd = from;
    for (const statement of statements) {
      const { start, end } = statement.span;
      for (const place of [...this.#takeCommentsBefore(start), { start, end, text: undefined }]) {
        if (lines.length > 0 && this.#blankLineBetween(previousEnd, place.start)) lines.push('');
        previousEnd = place.end;
        if (place.text !== undefined) lines.push(indent + place.text);
      }
      const trailing = { text: this.#statement(statement, indent), comment: this.#trailingComment(end) };
      lines.push(`${indent}${trailing.text}${trailing.comment ? ` ${trailing.comment.text}` : ''}`);
      previousEnd = Math.max(previousEnd, trailing.comment?.end ?? 0);
    }
    return lines;
  }

  #statement(statement: Statement, indent: string): string {
    if (statement.kind === 'connection') return `${this.#chain(statement, indent)};`;
    if (statement.kind !== 'elementclass') return `${statement.kind}(${this.#config(statement.config)});`;
    const { name, type } = statement;
    if (type.kind === 'name') return `elementclass ${name.text} ${type.text};`;
    return `elementclass ${name.text} ${this.#compound(type, indent, true)}`;
  }

  // ---- Chains

  #chain({ first, links }: ConnectionStatement, indent: string): string {
    const inner = indent + INDENT;
    let text = this.#elements(first, indent);
    for (const { arrow, arrowSpan, elements } of links) {
      const comments = this.#commentsBefore(arrowSpan.start, inner);
      const next = elements.length > 0 ? `${arrow} ${this.#elements(elements, inner)}` : arrow;
      const wide = text.includes('\n') || indent.length + text.length + next.length > WIDTH;
      if (comments.length > 0 || (text !== '' && wide))
        text = [...(text === '' ? [] : [text]), ...comments, `${inner}${next}`].join('\n');
      else text += `${text === '' ? '' : ' '}${next}`;
    }
    return text;
  }

  #elements(elements: readonly ElementNode[], indent: string): string {
    return elements.map((element) => this.#element(element, indent)).join(', ');
  }

  #element({ inputs, base, type, config, outputs }: ElementNode, indent: string): string {
    const parts: string[] = [];
    if (inputs) parts.push(printPorts(inputs));
    if (base) {
      let text = base.kind === 'group' ? this.#group(base, indent) : this.#type(base, indent);
      if (type && type !== 'missing') text += ` :: ${this.#type(type, indent)}`;
      if (config) text += `(${this.#config(config)})`;
      parts.push(text);
    }
    if (outputs) parts.push(printPorts(outputs));
    return parts.join(' ');
  }

  #config(config: Config): string {
    while (this.#commentStart() < config.span.start) this.#held.push(this.#takeComment());
    while (this.#commentStart() < config.span.end) this.#comment += 2;
    return config.text;
  }

  // ---- Compounds

  #type(type: Name | Compound, indent: string): string {
    return type.kind === 'name' ? type.text : this.#compound(type, indent, false);
  }

  #compound({ bodies, extension, span }: Compound, indent: string, tall: boolean): string {
    if (!tall && bodies.length === 1 && !extension) {
      const inline = this.#inline('{', bodies[0]!, '}', span);
      if (inline !== undefined) return inline;
    }
    const lines: string[] = [];
    for (const [i, body] of bodies.entries()) {
      lines.push(`${i === 0 ? '{' : `${indent}||`}${printFormals(body.formals)}`);
      lines.push(...this.#statements(body.statements, indent + INDENT, body.span.start));
      lines.push(...this.#commentsBefore(bodies[i + 1]?.span.start ?? span.end, indent + INDENT));
    }
    if (extension) lines.push(`${indent}|| ...`);
    return [...lines, `${indent}}`].join('\n');
  }

  #group({ statements, span }: Group, indent: string): string {
    const inline = this.#inline('(', { formals: [], statements, span }, ')', span);
    if (inline !== undefined) return inline;
    const lines = this.#statements(statements, indent + INDENT, span.start);
    lines.push(...this.#commentsBefore(span.end, indent + INDENT));
    return ['(', ...lines, `${indent})`].join('\n');
  }

  /** A short body that is on one line already and has no comments, or undefined. */
  #inline(open: string, body: CompoundBody, close: string, { start, end }: Span): string | undefined {
    if (this.#commentsWithin(start, end) || /[\r\n]/.test(this.#text.slice(start, end))) return undefined;
    // Comments of the statement around the body are not for here.
    const [next, held] = [this.#comment, this.#held.splice(0)];
    this.#comment = this.#ast.commentRanges.length;
    const statements = body.statements.map((statement) => this.#statement(statement, ''));
    this.#comment = next;
    this.#held.push(...held);
    const text = [open + printFormals(body.formals), ...statements, close]
      .join(' ')
      .replace(/;( [)}])$/, '$1');
    return !text.includes('\n') && text.length <= WIDTH ? text : undefined;
  }

  // ---- Comments

  #commentStart(): number {
    return this.#ast.commentRanges[this.#comment] ?? Number.POSITIVE_INFINITY;
  }

  #commentsWithin(start: number, end: number): boolean {
    const { commentRanges } = this.#ast;
    let next = this.#comment;
    while (next < commentRanges.length && commentRanges[next]! < start) next += 2;
    return next < commentRanges.length && commentRanges[next]! < end;
  }

  #takeComment(): Comment {
    const [start, end] = this.#ast.commentRanges.slice(this.#comment, this.#comment + 2) as [number, number];
    this.#comment += 2;
    return { text: this.#text.slice(start, end).trimEnd(), start, end };
  }

  #takeCommentsBefore(offset: number): Comment[] {
    const comments = this.#held.splice(0);
    while (this.#commentStart() < offset) comments.push(this.#takeComment());
    return comments;
  }

  #commentsBefore(offset: number, indent: string): string[] {
    return this.#takeCommentsBefore(offset).map(({ text }) => indent + text);
  }

  /** A comment inside of a statement that found no place yet, or one on the line where it ends. */
  #trailingComment(end: number): Comment | undefined {
    if (this.#held.length > 0) return this.#held.shift();
    const start = this.#commentStart();
    const follows = start < end || /^[ \t;]*$/.test(this.#text.slice(end, Math.min(start, end + WIDTH)));
    return start !== Number.POSITIVE_INFINITY && follows ? this.#takeComment() : undefined;
  }

  #blankLineBetween(start: number, end: number): boolean {
    return /(\r\n?|\n)[ \t]*(\r\n?|\n)/.test(this.#text.slice(start, end));
  }
}

function printPorts({ ports, open }: PortList): string {
  return `[${ports.join(', ')}${open ? ',' : ''}]`;
}

function printFormals(formals: readonly Formal[]): string {
  if (formals.length === 0) return '';
  return ` ${formals.map(({ keyword, name }) => `${keyword ? `${keyword} ` : ''}$${name}`).join(', ')} |`;
}
