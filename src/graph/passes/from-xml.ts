/** xml2click: the XML of click2xml back to a configuration, compounds and all. */

import { connectionChains } from '../print-flat.ts';
import type { XmlElement } from './xml.ts';

/** A mistake in the document, and the line it is on. */
export interface XmlProblem {
  readonly line: number;
  readonly message: string;
}

const IDENTIFIER = /^[A-Za-z_@][\w@]*(\/[\w@]+)*$/;

/** Print the configuration that a document describes. `file` stands in for elements without a place. */
export function fromXml(document: XmlElement, file: string): { text: string; problems: XmlProblem[] } {
  const reader = new Reader(file);
  if (document.name !== 'configuration') reader.problem(document, 'no configuration section');
  else reader.collect(document);
  const text = reader.problems.length === 0 ? reader.body(document, '') : '';
  return { text, problems: reader.problems };
}

class Reader {
  readonly problems: XmlProblem[] = [];
  readonly #file: string;
  readonly #classes = new Map<string, XmlElement>();
  /** Names that classes are printed under; those of one name that are not one class get a number. */
  readonly #names = new Map<string, string>();

  constructor(file: string) {
    this.#file = file;
  }

  problem({ line }: XmlElement, message: string): void {
    this.problems.push({ line, message });
  }

  /** Enter all classes, and look for mistakes. */
  collect(parent: XmlElement): void {
    const used = new Set<string>();
    for (const node of parent.children) {
      if (node.name !== 'elementclass') continue;
      const id = node.attributes.get('classid');
      if (id === undefined) {
        this.problem(node, 'element class declared without an ID');
        continue;
      }
      this.#classes.set(id, node);
      const className = this.#identifier(node, 'classname');
      const body = node.children[0];
      if (node.children.length > 1) this.problem(node, 'element class already defined');
      if (!body) this.problem(node, 'elementclass tag not filled');
      const overloaded = body?.attributes.get('overloadclassid');
      if (className !== undefined) {
        const extendsNamesake = overloaded !== undefined && this.#names.get(overloaded) === className;
        let name = className;
        for (let i = 2; used.has(name) && !extendsNamesake; i++) name = `${className}_${i}`;
        used.add(name);
        this.#names.set(id, name);
      }
      if (body) this.collect(body);
    }
    const elements = new Map<string, XmlElement>();
    for (const node of parent.children) {
      if (node.name === 'element') this.#checkElement(node, elements);
      if (node.name === 'connection') {
        for (const end of ['from', 'to']) {
          const name = node.attributes.get(end);
          if (name === undefined) this.problem(node, "connection lacks 'from' or 'to' attribute");
          else if (!elements.has(name) && !(parent.name === 'compound' && /^(input|output)$/.test(name)))
            this.problem(node, `undeclared element '${name}' (first use this block)`);
          const port = node.attributes.get(`${end}port`) ?? '0';
          if (!/^\d+$/.test(port)) this.problem(node, `'${end}port' should be port number`);
        }
      }
    }
  }

  #checkElement(node: XmlElement, elements: Map<string, XmlElement>): void {
    const name = this.#identifier(node, 'name');
    const className = this.#identifier(node, 'classname');
    const id = node.attributes.get('classid');
    if (name === undefined) this.problem(node, 'element declared without a name');
    else if (elements.has(name)) this.problem(node, `redeclaration of element '${name}'`);
    else elements.set(name, node);
    if (className !== undefined && id !== undefined)
      this.problem(node, "conflicting attributes 'classname' and 'classid'");
    if (className === undefined && id === undefined) this.problem(node, 'element declared without a class');
    if (id !== undefined && !this.#classes.has(id)) this.problem(node, `no such element class '${id}'`);
  }

  #identifier(node: XmlElement, attribute: string): string | undefined {
    const value = node.attributes.get(attribute);
    if (value !== undefined && !IDENTIFIER.test(value))
      this.problem(node, `'${attribute}' attribute not a Click identifier`);
    return value;
  }

  // ---- Printing

  body(parent: XmlElement, indent: string): string {
    let text = '';
    const of = (name: string) => parent.children.filter((node) => node.name === name);
    for (const node of of('elementclass')) {
      const name = this.#names.get(node.attributes.get('classid')!);
      if (name !== undefined) text += `${indent}elementclass ${name} ${this.#classBody(node, indent)}\n`;
    }
    if (text !== '' && of('element').length > 0) text += '\n';
    for (const node of of('element')) {
      const { attributes } = node;
      const config = attributes.get('config');
      const id = attributes.get('classid');
      const className = id === undefined ? attributes.get('classname')! : this.#reference(id, indent);
      text += `# ${attributes.get('line') ?? node.line} "${attributes.get('file') ?? this.#file}"\n`;
      text += `${indent}${attributes.get('name')} :: ${className}${config ? `(${config})` : ''};\n`;
    }
    // As the reference: after line directives of elements, connections are this text's own again.
    const chains = this.#chains(of('connection'));
    if (indent === '' && chains.length > 0) text += `# ${text === '' ? 2 : text.split('\n').length + 1} ""\n`;
    for (const chain of chains) text += `${chain.replace(/^/gm, indent)}\n`;
    return text;
  }

  #chains(nodes: readonly XmlElement[]): string[] {
    const names = new Map<string, number>();
    const indexOf = (name: string) => names.get(name) ?? names.set(name, names.size).size - 1;
    const connections = nodes.map(({ attributes }) => ({
      from: indexOf(attributes.get('from')!),
      fromPort: Number(attributes.get('fromport') ?? 0),
      to: indexOf(attributes.get('to')!),
      toPort: Number(attributes.get('toport') ?? 0),
    }));
    return connectionChains([...names.keys()], connections);
  }

  /** A class by its name, or its body where it has none. */
  #reference(id: string, indent: string): string {
    return this.#names.get(id) ?? this.#classBody(this.#classes.get(id)!, indent);
  }

  #classBody(node: XmlElement, indent: string): string {
    const body = node.children[0]!;
    const overloaded = body.attributes.get('overloadclassid');
    if (body.name === 'synonym') {
      const id = body.attributes.get('classid');
      return `${id === undefined ? body.attributes.get('classname') : this.#reference(id, indent)};`;
    }
    const formals = body.children
      .filter(({ name }) => name === 'formal')
      .sort((a, b) => Number(a.attributes.get('number')) - Number(b.attributes.get('number')))
      .map(({ attributes }) => {
        const key = attributes.get('key');
        return `${key ? `${key} ` : ''}$${attributes.get('name')?.replace(/^\$/, '')}`;
      });
    const list = formals.length > 0 ? ` ${formals.join(', ')} |` : '';
    const extended = overloaded !== undefined || body.attributes.has('overloadclassname');
    const inner = this.body(body, `${indent}  `) + (extended ? `${indent}|| ...\n` : '');
    return `{${list}\n${inner}${indent}}`;
  }
}
