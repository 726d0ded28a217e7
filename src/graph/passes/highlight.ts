/** A configuration's text as HTML: keywords, comments, configuration strings, mistakes, and links to declarations. */

import type { Scope, ScopeElement } from '../../elaborate/scope.ts';
import type { Ast, Compound, ElementNode, Group, Name, Span, Statement } from '../../lang/ast.ts';
import type { Diagnostic } from '../../lang/diagnostics.ts';

export function quoteText(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

export function quoteAttribute(text: string): string {
  return text.replace(/&/g, '&#38;').replace(/'/g, '&#39;').replace(/"/g, '&#34;');
}

/** Where in the page things are. */
export interface Anchors {
  /** Link target of an element class, for references to it; undefined for none. */
  classHref(name: string, scope: Scope): string | undefined;
  /** Anchor name of a class declared by the body at an offset. */
  classAnchor(bodyStart: number): string;
  elementAnchor(element: ScopeElement, scope: Scope): string;
}

/** Markup around a stretch of text. */
interface Item {
  readonly start: number;
  readonly end: number;
  readonly open: string;
  readonly close: string;
}

/** The highlighted text, in a `pre`. */
export function highlight(ast: Ast, scope: Scope, mistakes: readonly Diagnostic[], anchors: Anchors): string {
  const collector = new Collector(ast, scope, anchors);
  collector.statements(ast.statements, scope);
  collector.comments();
  for (const { span, message } of mistakes)
    if (span?.source === ast.source)
      collector.add(
        span.start,
        Math.max(span.end, span.start + 1),
        `<span class='c-err' title='${quoteAttribute(message)}'>`,
      );
  return render(ast.source.text, collector.items);
}

class Collector {
  readonly items: Item[] = [];
  readonly #ast: Ast;
  readonly #text: string;
  readonly #anchors: Anchors;
  readonly #bodies = new Map<number, Scope>();
  readonly #elements = new Map<number, { element: ScopeElement; scope: Scope }>();
  readonly #configs: Span[] = [];

  constructor(ast: Ast, scope: Scope, anchors: Anchors) {
    this.#ast = ast;
    this.#text = ast.source.text;
    this.#anchors = anchors;
    this.#enter(scope);
  }

  #enter(scope: Scope): void {
    if (this.#bodies.has(scope.span.start) && scope.parent) return;
    if (scope.parent) this.#bodies.set(scope.span.start, scope);
    const types = [...scope.typeNames()].map((name) => scope.typeNamed(name));
    for (const element of scope.elements) {
      if (element.type && element.span.source === this.#ast.source)
        this.#elements.set(element.span.start, { element, scope });
      types.push(element.type);
    }
    for (let type of types)
      for (; type?.kind === 'compound'; type = type.extension)
        for (const body of type.overloads) if (body.span.source === this.#ast.source) this.#enter(body);
  }

  add(start: number, end: number, open: string, close = '</span>'): void {
    if (end > start) this.items.push({ start, end, open, close });
  }

  statements(statements: readonly Statement[], scope: Scope): void {
    for (const statement of statements) {
      const { start } = statement.span;
      if (statement.kind === 'connection') {
        for (const node of [...statement.first, ...statement.links.flatMap(({ elements }) => elements)])
          this.#element(node, scope);
        continue;
      }
      this.add(start, start + statement.kind.length, "<span class='c-kw'>");
      if (statement.kind !== 'elementclass') this.#config(statement.config.span);
      else {
        const { name, type } = statement;
        const [from, to] = [name.span.start, name.span.end];
        if (type.kind === 'name') this.#classReference(type, scope);
        else {
          const anchor = this.#anchors.classAnchor(type.bodies[0]?.span.start ?? type.span.start);
          this.add(from, to, `<a name='${anchor}'><span class='c-cd'>`, '</span></a>');
          this.#compound(type, scope);
        }
      }
    }
  }

  #compound({ bodies }: Compound, scope: Scope): void {
    for (const body of bodies) this.statements(body.statements, this.#bodies.get(body.span.start) ?? scope);
  }

  #group({ statements }: Group, scope: Scope): void {
    this.statements(statements, scope);
  }

  #element({ base, type, config }: ElementNode, scope: Scope): void {
    if (config) this.#config(config.span);
    if (type && type !== 'missing') {
      if (type.kind === 'name') this.#classReference(type, scope);
      else this.#anonymousClass(type, scope);
    }
    if (base?.kind === 'group') this.#group(base, scope);
    else if (base?.kind === 'compound') this.#anonymousClass(base, scope);
    else if (base) this.#name(base, config ? config.span.end + 1 : base.span.end, scope);
  }

  #anonymousClass(node: Compound, scope: Scope): void {
    const { start } = node.span;
    this.add(
      start,
      start + 1,
      `<a name='${this.#anchors.classAnchor(node.bodies[0]?.span.start ?? start)}'>`,
      '</a>',
    );
    this.#compound(node, scope);
  }

  /** A name is an element's declaration, with a class of its own name or after `::`, or a reference to one. */
  #name({ text, span }: Name, end: number, scope: Scope): void {
    const declared = this.#elements.get(span.start);
    if (declared && declared.element.span.end === span.end) {
      const { element, scope: owner } = declared;
      this.add(span.start, span.end, `<a name='${this.#anchors.elementAnchor(element, owner)}'>`, '</a>');
      this.add(span.start, end, "<span class='c-ed'>");
      this.#reference(span.start, end, element);
      if (element.name !== text) this.#classReference({ kind: 'name', text, span }, scope);
      return;
    }
    const index = scope.indexOf(text);
    const element = index === undefined ? undefined : scope.elements[index];
    if (element) this.#reference(span.start, span.end, element);
  }

  #reference(start: number, end: number, { name, type }: ScopeElement): void {
    const title = quoteAttribute(`${name} :: ${type?.name ?? '<tunnel>'}`);
    this.add(start, end, `<span title='${title}'>`);
  }

  #classReference({ text, span }: Name, scope: Scope): void {
    const href = this.#anchors.classHref(text, scope);
    if (href !== undefined) this.add(span.start, span.end, `<a href='${href}'>`, '</a>');
  }

  #config(span: Span): void {
    this.#configs.push(span);
    this.add(span.start, span.end, "<span class='c-cfg'>");
  }

  comments(): void {
    const { commentRanges } = this.#ast;
    for (let i = 0; i < commentRanges.length; i += 2) {
      const [start, end] = [commentRanges[i]!, commentRanges[i + 1]!];
      if (this.#configs.some((span) => span.start <= start && end <= span.end)) continue;
      const length = this.#text.slice(start, end).replace(/[\r\n]+$/, '').length;
      this.add(start, start + length, "<span class='c-cmt'>");
    }
  }
}

/** Put the markup into the text. What is open at the end of a line is closed there and opened on the next. */
function render(text: string, items: readonly Item[]): string {
  const order = [...items].sort((a, b) => a.start - b.start || b.end - a.end);
  const open: Item[] = [];
  let html = '<pre>';
  let next = 0;
  let at = 0;
  const close = (offset: number) => {
    // Items may overlap: what is inside of one that ends is closed and opened again.
    const ending = open.findIndex((item) => item.end <= offset);
    if (ending < 0) return;
    const inside = open.splice(ending);
    for (const item of [...inside].reverse()) html += item.close;
    for (const item of inside) {
      if (item.end <= offset) continue;
      html += item.open;
      open.push(item);
    }
  };
  const copyTo = (offset: number) => {
    for (const piece of text.slice(at, offset).split(/(\r\n?|\n)/)) {
      if (!/^[\r\n]/.test(piece)) html += quoteText(piece);
      else
        html +=
          [...open]
            .reverse()
            .map((o) => o.close)
            .join('') +
          '\n' +
          open.map((o) => o.open).join('');
    }
    at = offset;
  };
  for (;;) {
    const starts = order[next]?.start ?? Number.POSITIVE_INFINITY;
    const ends = Math.min(...open.map(({ end }) => end));
    const stop = Math.min(starts, ends);
    if (stop === Number.POSITIVE_INFINITY || stop >= text.length) break;
    copyTo(stop);
    if (ends <= starts) close(stop);
    else {
      const item = order[next++]!;
      html += item.open;
      open.push(item);
    }
  }
  copyTo(text.length);
  close(Number.POSITIVE_INFINITY);
  return `${html}</pre>\n`;
}
