/** click2xml: a configuration as XML, compounds and all (the format of Click's clickconfig.dtd). */

import type { CompoundType, Scope } from '../../elaborate/scope.ts';
import { landmark } from '../../lang/source.ts';
import { localClasses, type Outliner, processingCode, processingLetter } from './outline.ts';

export function xmlQuote(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');
}

/** The document for an outermost scope. */
export function toXml(scope: Scope, outliner: Outliner): string {
  const writer = new XmlWriter(outliner);
  writer.scope(scope, '');
  return `<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!DOCTYPE configuration SYSTEM "http://www.pdos.lcs.mit.edu/click/clickconfig.dtd">
<configuration xmlns="http://www.lcdf.org/click/xml/">
${writer.lines.map((line) => `${line}\n`).join('')}</configuration>
`;
}

class XmlWriter {
  readonly lines: string[] = [];
  readonly #outliner: Outliner;
  /** Every body of a class has an id of its own; the class is known by its last. */
  readonly #ids = new Map<Scope, string>();
  readonly #written = new Set<CompoundType>();

  constructor(outliner: Outliner) {
    this.#outliner = outliner;
  }

  scope(scope: Scope, indent: string): void {
    for (const type of localClasses(scope)) this.#class(type, indent);
    const { elements, connections } = this.#outliner.outline(scope);
    for (const element of elements) {
      if (element.tunnel) continue;
      const { name, config, inputs, outputs } = element;
      const type = scope.elements[element.index]!.type!;
      const reference = type.kind === 'compound' ? `classid="${this.#id(type)}"` : `classname="${type.name}"`;
      let line = `${indent}<element name="${name}" ${reference}${place(element.landmark)}`;
      line += ` ninputs="${inputs.length}" noutputs="${outputs.length}"`;
      if (inputs.length + outputs.length > 0) line += ` processing="${processingCode(element)}"`;
      if (config !== '') line += ` config="${xmlQuote(config)}"`;
      this.lines.push(`${line} />`);
    }
    for (const { from, fromPort, to, toPort } of connections) {
      const [source, target] = [elements[from]!, elements[to]!];
      const processing = processingLetter(source.outputs[fromPort] ?? 'push');
      this.lines.push(
        `${indent}<connection from="${source.name}" fromport="${fromPort}" to="${target.name}" toport="${toPort}" processing="${processing}" />`,
      );
    }
  }

  /** A class is one element for each of its bodies, each an overload of the one before. */
  #class(type: CompoundType, indent: string): void {
    if (this.#written.has(type)) return;
    this.#written.add(type);
    const { extension } = type;
    if (extension?.kind === 'compound') this.#class(extension, indent);
    let overload = '';
    if (extension)
      overload =
        extension.kind === 'compound'
          ? ` overloadclassid="${this.#id(extension)}"`
          : ` overloadclassname="${extension.name}"`;
    // The first body is tried first: it is the one that overloads the others.
    for (const body of [...type.overloads].reverse()) {
      const id = this.#idOf(body);
      const named = type.name === '' ? '' : `classname="${type.name}" `;
      this.lines.push(`${indent}<elementclass ${named}classid="${id}"${place(landmark(body.span))}>`);
      const count = `ninputs="${body.inputs}" noutputs="${body.outputs}" nformals="${body.parameters.length}"`;
      this.lines.push(`${indent}  <compound${overload} ${count}>`);
      for (const [i, { keyword, name }] of body.parameters.entries()) {
        const key = keyword === undefined ? '' : `key="${keyword}" `;
        this.lines.push(`${indent}    <formal number="${i}" name="${name}" ${key}/>`);
      }
      this.scope(body, `${indent}    `);
      this.lines.push(`${indent}  </compound>`, `${indent}</elementclass>`);
      overload = ` overloadclassid="${id}"`;
    }
  }

  #id(type: CompoundType): string {
    return this.#idOf(type.overloads[0]!);
  }

  #idOf(body: Scope): string {
    let id = this.#ids.get(body);
    if (id === undefined) {
      id = `c${this.#ids.size + 1}`;
      this.#ids.set(body, id);
    }
    return id;
  }
}

function place(where: string): string {
  const [, file, line] = /^(.*):(\d+)$/s.exec(where) ?? [];
  return file === undefined || line === '0' ? '' : ` file="${xmlQuote(file)}" line="${line}"`;
}
