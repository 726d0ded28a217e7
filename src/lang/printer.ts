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

class Printer {
  readonly #ast: Ast;
  readonly #text: string;
  /** Index into `commentRanges` of the next comment to print. */
  #comment = 0;

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
      const comments = this.#commentsBefore(statement.span.start, indent);
      const firstStart =
        comments.length > 0 ? this.#firstCommentStart(comments.length) : statement.span.start;
      if (lines.length > 0 && this.#blankLineBetween(previousEnd, firstStart)) lines.push('');
      lines.push(...comments);
      if (comments.length > 0 && this.#blankLineBetween(this.#lastCommentEnd(), statement.span.start))
        lines.push('');
      lines.push(
        `${indent}${this.#statement(statement, indent)}${this.#trailingComment(statement.span.end)}`,
      );
      previousEnd = Math.max(statement.span.end, this.#lastCommentEnd());
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
    const statements = body.statements.map((statement) => this.#statement(statement, ''));
    const text = [open + printFormals(body.formals), ...statements, close]
      .join(' ')
      .replace(/;( [)}])$/, '$1');
    return !text.includes('\n') && text.length <= WIDTH ? text : undefined;
  }

  // ---- Comments

  #commentStart(index = this.#comment): number {
    return this.#ast.commentRanges[index] ?? Number.POSITIVE_INFINITY;
  }

  #lastCommentEnd(): number {
    return this.#comment > 0 ? this.#ast.commentRanges[this.#comment - 1]! : 0;
  }

  #firstCommentStart(count: number): number {
    return this.#ast.commentRanges[this.#comment - 2 * count]!;
  }

  #commentsWithin(start: number, end: number): boolean {
    return this.#commentStart() < end && this.#commentStart() >= start;
  }

  #commentsBefore(offset: number, indent: string): string[] {
    const comments: string[] = [];
    while (this.#commentStart() < offset) comments.push(indent + this.#takeComment());
    return comments;
  }

  #takeComment(): string {
    const [start, end] = this.#ast.commentRanges.slice(this.#comment, this.#comment + 2);
    this.#comment += 2;
    return this.#text.slice(start, end).trimEnd();
  }

  /** A comment on the same line as the end of a statement. */
  #trailingComment(end: number): string {
    const start = this.#commentStart();
    if (start === Number.POSITIVE_INFINITY || !/^[ \t;]*$/.test(this.#text.slice(end, start))) return '';
    const comment = this.#takeComment();
    return ` ${comment}`;
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
