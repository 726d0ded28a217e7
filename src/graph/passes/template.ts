/**
 * click-pretty's templates: text with tags `<~name attribute='value' ...>`. Tags stand for facts of an element (its
 * name, type, ports, connections), for the whole (`config`, `elements`) and for what the user defines.
 */

import { quoteText } from './highlight.ts';
import type { Outline, OutlineElement } from './outline.ts';

/** A tag, or text in front of the next one. */
type Piece = { text: string } | { tag: string; attributes: Map<string, string> };

const ENTITIES: Record<string, string> = { amp: '&', quot: '"', lt: '<', gt: '>' };

function unquoteHtml(text: string): string {
  return text.replace(/&(?:#(\d+)|(\w+));?/g, (whole, code: string | undefined, name: string | undefined) =>
    code !== undefined ? String.fromCharCode(Number(code)) : (ENTITIES[name!] ?? whole),
  );
}

/** Cut a template at its tags. Attributes are unquoted except at the top, whose values are templates again. */
export function* templatePieces(template: string, unquote: boolean): Generator<Piece> {
  let at = 0;
  while (at < template.length) {
    const start = template.indexOf('<~', at);
    if (start !== at) yield { text: template.slice(at, start < 0 ? undefined : start) };
    if (start < 0) return;
    const name = /[^\s>]*/y;
    name.lastIndex = start + 2;
    const tag = name.exec(template)![0].toLowerCase();
    at = name.lastIndex;
    const attributes = new Map<string, string>();
    const attribute = /[\s/]*(?:([^\s=>/]+)\s*(?:=\s*(?:'([^']*)'|"([^"]*)"|([^\s>]*)))?|(?=>)|$)/y;
    for (;;) {
      if (template.startsWith('-->', at)) {
        at += 3;
        break;
      }
      attribute.lastIndex = at;
      const match = attribute.exec(template);
      at = match ? attribute.lastIndex : at + 1;
      const [, key, single, double, bare] = match ?? [];
      if (key === undefined) {
        at = template.startsWith('>', at) ? at + 1 : template.length;
        break;
      }
      if (/^--$/.test(key) && template.startsWith('>', at)) {
        at++;
        break;
      }
      const value = single ?? double ?? bare ?? key;
      attributes.set(key.toLowerCase(), unquote ? unquoteHtml(value) : value);
    }
    yield { tag, attributes };
  }
}

export interface TemplateContext {
  outline: Outline;
  definitions: ReadonlyMap<string, string>;
  classHref(element: OutlineElement): string | undefined;
  elementAnchor(element: OutlineElement): string;
}

/** An element, or the entry of a class (the first element of it), in a list sorted by name. */
interface Entry {
  readonly name: string;
  readonly element: OutlineElement;
  readonly isType: boolean;
}

/** Expands templates for elements; `attributes` are those of the tag `elements`. */
export class ElementTemplates {
  readonly #context: TemplateContext;
  readonly #main: ReadonlyMap<string, string>;
  #out = '';
  /** Written in front of the next thing there is to write. */
  #separator = '';

  constructor(context: TemplateContext, attributes: ReadonlyMap<string, string> = new Map()) {
    this.#context = context;
    this.#main = attributes;
  }

  /** One template for one element. */
  expand(template: string, element: OutlineElement): string {
    this.#out = '';
    this.#run(template, { name: element.name, element, isType: false }, undefined, false);
    return this.#out;
  }

  /** All entries of the tag `elements`, or those of one column. */
  list(): string {
    const entries: Entry[] = [];
    const types = new Set<string>();
    for (const element of this.#elements()) {
      if (this.#main.has('entry')) entries.push({ name: element.name, element, isType: false });
      const { className = '' } = element;
      if (!this.#main.has('typeentry') || types.has(className)) continue;
      types.add(className);
      entries.push({ name: className, element, isType: true });
    }
    entries.sort((a, b) => naturalOrder(a.name, b.name));
    const [, which = '1', columns = '1'] = /^(\d+)\/(\d+)$/.exec(this.#main.get('column') ?? '') ?? [];
    const size = Math.floor((entries.length - 1) / Number(columns)) + 1;
    const last = which === columns ? entries.length : Number(which) * size;
    let text = '';
    for (const entry of entries.slice((Number(which) - 1) * size, last)) {
      this.#out = '';
      this.#run(this.#main.get(entry.isType ? 'typeentry' : 'entry')!, entry, undefined, false);
      this.#separator = this.#main.get('sep') ?? '';
      text += this.#out;
    }
    return text;
  }

  #elements(): readonly OutlineElement[] {
    return this.#context.outline.elements.filter(({ tunnel }) => !tunnel);
  }

  #write(text: string): void {
    this.#out += this.#separator + text;
    this.#separator = '';
  }

  #run(template: string, entry: Entry, port: number | undefined, isOutput: boolean): void {
    for (const piece of templatePieces(template, true)) {
      if ('text' in piece) {
        this.#write(piece.text);
        continue;
      }
      const before = this.#out.length;
      const next = this.#tag(piece.tag, piece.attributes, entry, port, isOutput) ?? '';
      if (this.#out.length !== before) this.#separator = next;
    }
  }

  /** Write what a tag stands for. Returns what separates it from what follows. */
  #tag(
    tag: string,
    attributes: ReadonlyMap<string, string>,
    entry: Entry,
    port: number | undefined,
    isOutput: boolean,
  ): string | undefined {
    const { element, isType } = entry;
    const { outline, definitions, classHref, elementAnchor } = this.#context;
    const linked = (text: string, href: string | undefined) =>
      this.#write(href === undefined ? text : `<a href='${href}'>${text}</a>`);
    /** A template for each of a list, separated; or the one for none. */
    const each = <T>(list: readonly T[], key: string, run: (template: string, item: T) => void) => {
      if (list.length === 0) {
        this.#run(attributes.get('noentry') ?? this.#main.get(`no${key}`) ?? '', entry, port, isOutput);
        return;
      }
      for (const item of list) {
        run(attributes.get('entry') ?? this.#main.get(key) ?? '', item);
        this.#separator = attributes.get('sep') ?? '';
      }
    };
    const ports = (list: readonly unknown[], output: boolean) =>
      each([...list.keys()], output ? 'outputentry' : 'inputentry', (template, i) =>
        this.#run(template, entry, i, output),
      );
    switch (tag) {
      case 'name': {
        const link = attributes.get('link')?.toLowerCase();
        if (link === 'type' || (isType && link)) linked(entry.name, classHref(element));
        else linked(entry.name, link ? `#${elementAnchor(element)}` : undefined);
        return undefined;
      }
      case 'anonymous':
        if (element.anonymous) this.#write('yes');
        return undefined;
      case 'type':
        linked(element.className ?? '', attributes.has('link') ? classHref(element) : undefined);
        return undefined;
      case 'typerefs':
        for (const e of [...this.#elements()].sort((a, b) => naturalOrder(a.name, b.name))) {
          if (e.className !== element.className) continue;
          const template = attributes.get('entry') ?? this.#main.get('typeref') ?? '';
          this.#run(template, { name: e.name, element: e, isType: false }, undefined, false);
          this.#separator = attributes.get('sep') ?? '';
        }
        return undefined;
      case 'if': {
        const branch = this.#test(attributes, entry, port, isOutput) ? 'then' : 'else';
        this.#run(attributes.get(branch) ?? '', entry, port, isOutput);
        return undefined;
      }
      case 'processingcode':
        this.#write(`${letters(element.ownInputs)}/${letters(element.ownOutputs)}`);
        return undefined;
      case 'flowcode':
        this.#write(element.flow);
        return undefined;
      case 'port':
        if (port !== undefined) this.#write(String(port));
        return undefined;
      case 'processing':
        if (port !== undefined) this.#write((isOutput ? element.outputs : element.inputs)[port] ?? '??');
        return undefined;
    }
    if (!isType)
      switch (tag) {
        case 'config': {
          const limit = Number(attributes.get('limit') ?? 0);
          const whole = element.config;
          const text = quoteText(limit && whole.length > limit ? `${whole.slice(0, limit)}...` : whole);
          if (text) this.#write(attributes.has('parens') ? `(${text})` : text);
          return undefined;
        }
        case 'configlink': {
          const text = attributes.get('text') ?? this.#main.get('configlink');
          if (!text) return undefined;
          this.#run(`<a href='#${elementAnchor(element)}'>${text}</a>`, entry, port, isOutput);
          return attributes.get('sep');
        }
        case 'ninputs':
        case 'noutputs': {
          const count = tag === 'ninputs' ? element.inputs.length : element.outputs.length;
          const noun = ` ${tag === 'ninputs' ? 'input' : 'output'}${count === 1 ? '' : 's'}`;
          this.#write(`${count}${attributes.has('english') ? noun : ''}`);
          return undefined;
        }
        case 'inputs':
          ports(element.inputs, false);
          return undefined;
        case 'outputs':
          ports(element.outputs, true);
          return undefined;
        case 'inputconnections':
        case 'outputconnections': {
          const output = tag === 'outputconnections';
          if (port === undefined || output !== isOutput) return undefined;
          const ends = outline.connections
            .filter((c) =>
              output
                ? c.from === element.index && c.fromPort === port
                : c.to === element.index && c.toPort === port,
            )
            .map((c) => (output ? { index: c.to, port: c.toPort } : { index: c.from, port: c.fromPort }))
            .map((end) => ({ ...end, element: outline.elements[end.index]! }))
            .sort((a, b) => naturalOrder(a.element.name, b.element.name) || a.port - b.port);
          each(ends, output ? 'outputconnection' : 'inputconnection', (template, end) =>
            this.#run(
              template,
              { name: end.element.name, element: end.element, isType: false },
              end.port,
              !output,
            ),
          );
          return undefined;
        }
      }
    const custom = this.#main.has(tag) ? attributes.get(tag) : definitions.get(tag);
    if (custom !== undefined) this.#run(custom, entry, port, isOutput);
    return undefined;
  }

  #test(attributes: ReadonlyMap<string, string>, entry: Entry, port: number | undefined, isOutput: boolean) {
    const value = (key: string) => {
      const [out, separator] = [this.#out, this.#separator];
      [this.#out, this.#separator] = ['', ''];
      this.#run(attributes.get(key) ?? '', entry, port, isOutput);
      const text = this.#out;
      [this.#out, this.#separator] = [out, separator];
      return text;
    };
    const tested = value('test');
    const TESTS: [key: string, holds: (order: number) => boolean][] = [
      ['eq', (order) => order === 0],
      ['ne', (order) => order !== 0],
      ['gt', (order) => order > 0],
      ['lt', (order) => order < 0],
      ['ge', (order) => order >= 0],
      ['le', (order) => order <= 0],
    ];
    const test = TESTS.find(([key]) => attributes.get(key));
    return test ? test[1](naturalOrder(tested, value(test[0]))) : tested !== '';
  }
}

function letters(list: readonly string[]): string {
  return list.map((processing) => (processing === 'push' ? 'h' : processing === 'pull' ? 'l' : 'a')).join('');
}

/** As people sort names: capitals beside small letters, numbers by value. */
export function naturalOrder(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true, sensitivity: 'base' }) || (a < b ? -1 : a > b ? 1 : 0);
}
