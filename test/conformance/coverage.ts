/** What of the class table the conformance cases exercise: classes, arguments given a value, handlers read and written. */

import { relative } from 'node:path';
import { elaborate } from '../../src/elaborate/index.ts';
import type { ClassArg, ClassTable, ElementClass } from '../../src/graph/class-table.ts';
import type { FlatElement } from '../../src/graph/flat-graph.ts';
import { Diagnostics } from '../../src/lang/diagnostics.ts';
import { parse } from '../../src/lang/parse.ts';
import { type ConformanceCase, parseCase } from './case.ts';

/** `Class`, `Class KEYWORD`, `Class read name` and `Class write name`. */
export type Item = string;

/** Handlers that differ by their number are one. */
const kindOf = (handler: string): string => handler.replace(/\d+$/, '#');

/** Everything that the table documents; an alias is its class under another name and counts as a class alone. */
export function documented(classes: ClassTable): Item[] {
  return [...classes].flatMap((c) => {
    if (c.aliasOf) return [c.name];
    const handlers = c.handlers.flatMap((h) => [
      ...(h.read ? [`${c.name} read ${kindOf(h.name)}`] : []),
      ...(h.write ? [`${c.name} write ${kindOf(h.name)}`] : []),
    ]);
    return [...new Set([c.name, ...c.args.map((a) => `${c.name} ${a.key}`), ...handlers])];
  });
}

/** Which case was seen first to exercise each item. Cases that fail show no behaviour and are left out. */
export function exercised(classes: ClassTable, folder: string, paths: readonly string[]): Map<Item, string> {
  const seen = new Map<Item, string>();
  for (const path of paths) {
    const c = parseCase(path);
    if (c.exit) continue;
    for (const item of exercisedBy(classes, c)) if (!seen.has(item)) seen.set(item, relative(folder, path));
  }
  return seen;
}

/** The elements of a case, those of compounds included. */
export function caseElements(classes: ClassTable, c: ConformanceCase): readonly FlatElement[] {
  const diagnostics = new Diagnostics();
  const ast = parse(c.config || inlineConfig(c.args), c.path, diagnostics);
  return elaborate(ast, { classes }, diagnostics).elements;
}

function* exercisedBy(classes: ClassTable, c: ConformanceCase): Generator<Item> {
  const elements = caseElements(classes, c);
  for (const e of elements) {
    const elementClass = classes.get(e.className);
    if (!elementClass) continue;
    yield e.className;
    const base = elementClass.aliasOf ?? e.className;
    for (const { key, default: def, mandatory, text } of given(elementClass, e))
      if (mandatory || text !== def) yield `${base} ${key}`;
    const text = e.args.map((a) => a.text).join(',');
    yield* handlerUses(classes, elements, scopeOf(e.name), text);
    // A script's functions are its handlers.
    for (const [, name] of text.matchAll(/\$\(([a-z]+)\b/g))
      if (elementClass.handlers.some((h) => h.read && h.name === name)) yield `${base} read ${name}`;
  }
  yield* handlerUses(classes, elements, '', c.args.join('\n'));
}

const inlineConfig = (args: readonly string[]): string => args[args.indexOf('-e') + 1] ?? '';
const scopeOf = (name: string): string => name.slice(0, name.lastIndexOf('/') + 1);

/** The arguments of an element as native/core/args.c gives them to the table's entries. */
export function* given(
  c: ElementClass,
  e: FlatElement,
): Generator<ClassArg & { readonly index: number; readonly text: string }> {
  const taken = new Set<ClassArg>();
  for (const [index, { text }] of e.args.entries()) {
    const [, key, value] = /^([A-Z][A-Z0-9_-]*)\s+([\s\S]*)$/.exec(text) ?? [];
    let arg = c.args.find((a) => a.key === key && a.type !== 'rest');
    const plain = !arg;
    arg ??= c.args.find((a) => a.positional && (a.type === 'rest' || !taken.has(a)));
    if (!arg) continue;
    taken.add(arg);
    if (text) yield { ...arg, index, text: plain ? text : value! };
  }
}

/** Handlers named as `element.handler` or `Class.handler`; what follows `write` or ends a call is written. */
function* handlerUses(
  classes: ClassTable,
  elements: readonly FlatElement[],
  scope: string,
  text: string,
): Generator<Item> {
  for (const m of text.matchAll(/(?:\b(writeq?|(?:[A-Z]+_)*CALL)\s+"?)?([\w@/*-]+)\.([\w*-]+)/g)) {
    const [, verb, owner, handler] = m;
    for (const e of elements) {
      if (e.name !== `${scope}${owner}` && e.name !== owner && e.className !== owner && owner !== '*')
        continue;
      const c = classes.get(e.className);
      const base = c?.aliasOf ?? e.className;
      for (const h of c?.handlers ?? [])
        if (h.name === handler || handler === '*')
          yield `${base} ${verb && h.write ? 'write' : 'read'} ${kindOf(h.name)}`;
    }
  }
}
