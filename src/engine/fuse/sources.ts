/** The C sources of elements, as the fused engine's generator needs them. */

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ElementClass } from '../../graph/class-table.ts';
import { packagePath } from '../paths.ts';

/** One element class as C code. */
export interface ClassSource {
  /** The type of its state, and the name behind `element_class_`. */
  readonly type: string;
  /** Files to include, from the package's root, helpers first. */
  readonly files: readonly string[];
  /** The headers beside them. */
  readonly headers: readonly string[];
  /** The files among them that may define its action: its own, and the headers. */
  readonly actionText: string;
  /** Does it push packets out by itself, besides what its action returns? */
  readonly pushes: boolean;
}

const texts = new Map<string, string>();

function read(file: string): string {
  let text = texts.get(file);
  if (text === undefined) {
    text = readFileSync(packagePath(file), 'utf8');
    texts.set(file, text);
  }
  return text;
}

/** A file and the files beside it that it includes, and their `.c` where that defines no class, each once. */
function closure(file: string, classFiles: ReadonlySet<string>, found: string[]): string[] {
  if (found.includes(file)) return found;
  found.push(file);
  for (const [, name] of read(file).matchAll(/^#include "([\w./]+\.h)"/gm)) {
    const header = join(dirname(file), name!);
    if (!existsSync(packagePath(header))) continue;
    closure(header, classFiles, found);
    // What a header x.h declares is in x.c, or in x_*.c where those define no class.
    const stem = basename(header, '.h');
    for (const name of readdirSync(packagePath(dirname(header)))) {
      const helper = join(dirname(header), name);
      const part = name.startsWith(`${stem}_`) && name.endsWith('.c') && !classFiles.has(helper);
      if (name === `${stem}.c` || part) closure(helper, classFiles, found);
    }
  }
  return found;
}

/** The sources of a class, or why they cannot be part of a unit. */
export function classSource(
  elementClass: ElementClass,
  classFiles: ReadonlySet<string>,
): ClassSource | { readonly reason: string } {
  const { file } = elementClass;
  if (!elementClass.targets.includes('guest')) return { reason: 'it uses the host' };
  const all = closure(file, classFiles, []);
  const helpers = all.filter((f) => f !== file && f.endsWith('.c')).reverse();
  return {
    type: elementClass.aliasOf ?? elementClass.name,
    files: [...helpers, file],
    headers: all.filter((f) => f.endsWith('.h')).reverse(),
    actionText: all
      .filter((f) => f === file || f.endsWith('.h'))
      .map(read)
      .join(''),
    pushes: all.some((f) => /\boutput_push/.test(read(f))),
  };
}

/** What must be told apart when several files become one: names private to a file, and macros. */
export interface Clashes {
  readonly names: ReadonlyMap<string, readonly string[]>;
  readonly macros: ReadonlyMap<string, readonly string[]>;
}

/** Names that several of `files` define for themselves, by file. */
export function clashes(files: readonly string[]): Clashes {
  const names = new Map<string, Set<string>>();
  const macros = new Map<string, Set<string>>();
  const add = (to: typeof names, name: string, file: string) =>
    to.set(name, (to.get(name) ?? new Set()).add(file));
  for (const file of files) {
    const text = read(file);
    for (const m of text.matchAll(/^(?:static|always_inline)\b[^;{}=()]*?\b(\w+)\s*(?:\(|=|\[|;)/gm))
      if (m[1] !== '__attribute__') add(names, m[1]!, file);
    for (const m of text.matchAll(/^static\b[^;{}]*?__attribute__\(\(.*?\)\)[\s*\w]*?\b(\w+)\(/gm))
      add(names, m[1]!, file);
    for (const m of text.matchAll(/^\} (\w+);/gm)) add(names, m[1]!, file);
    for (const m of text.matchAll(/^#define (\w+)/gm)) add(macros, m[1]!, file);
    for (const m of text.matchAll(/^enum (?:\w+ )?\{([^}]*)\}/gm))
      for (const part of m[1]!.replace(/\/\*.*?\*\//gs, '').split(',')) {
        const name = /\w+/.exec(part)?.[0];
        if (name) add(names, name, file);
      }
  }
  return { names: shared(names), macros: shared(macros) };
}

/** What has more than one owner, by owner. */
function shared(owners: ReadonlyMap<string, ReadonlySet<string>>): Map<string, string[]> {
  const result = new Map<string, string[]>();
  for (const [name, files] of owners)
    if (files.size > 1) for (const file of files) result.set(file, [...(result.get(file) ?? []), name]);
  return result;
}

/** The digest that the engine's build has of the same files (native/sources.cmake). */
export function sourcesDigest(): string {
  const files: string[] = [];
  const add = (dir: string, pattern: RegExp) => {
    for (const name of readdirSync(packagePath(dir))) if (pattern.test(name)) files.push(`${dir}/${name}`);
  };
  add('native/include/clicklet', /\.h$/);
  for (const entry of readdirSync(packagePath('elements'), { withFileTypes: true }))
    if (entry.isDirectory()) add(`elements/${entry.name}`, /\.[ch]$/);
  const list = files
    .sort((a, b) => (a < b ? -1 : 1))
    .map((file) => {
      const digest = createHash('sha256')
        .update(readFileSync(packagePath(file)))
        .digest('hex');
      return `${file} ${digest}\n`;
    });
  return createHash('sha256').update(list.join('')).digest('hex');
}
