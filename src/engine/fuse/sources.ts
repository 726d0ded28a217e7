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

/** What a file defines for itself: names of C, and macros. */
interface Definitions {
  readonly names: ReadonlySet<string>;
  readonly macros: ReadonlySet<string>;
}

const defined = new Map<string, Definitions>();

const NAMES = [
  /^(?:static|always_inline)\b[^;{}=()]*?\b(\w+)\s*(?:\(|=|\[|;)/gm,
  /^static\b[^;{}]*?__attribute__\(\(.*?\)\)[\s*\w]*?\b(\w+)\(/gm,
  /^(?:typedef )?(?:struct|union|enum) (\w+) \{/gm,
  /^\} (\w+);/gm,
  /^typedef [^;{}]*?\b(\w+)(?:\[\w+\])?;/gm,
  /^typedef [^;{}]*?\(\*(\w+)\)\(/gm,
];

function definitions(file: string): Definitions {
  const known = defined.get(file);
  if (known) return known;
  const text = read(file);
  const names = new Set(NAMES.flatMap((pattern) => [...text.matchAll(pattern)].map((m) => m[1]!)));
  names.delete('__attribute__');
  for (const m of text.matchAll(/^enum (?:\w+ )?\{([^}]*)\}/gm))
    for (const part of m[1]!.replace(/\/\*.*?\*\//gs, '').split(',')) {
      const name = /\w+/.exec(part)?.[0];
      if (name) names.add(name);
    }
  for (const m of text.matchAll(/^ACTION(?:_ALONE)?\(\w+, (\w+)\)/gm))
    for (const suffix of ['any', 'act', 'push', 'pull']) names.add(`${m[1]}_${suffix}`);
  const macros = new Set([...text.matchAll(/^#define (\w+)/gm)].map((m) => m[1]!));
  const result = { names, macros };
  defined.set(file, result);
  return result;
}

/** The headers of a unit, whose names all of its files see. */
export class UnitHeaders {
  readonly #owners = new Map<string, string>();

  /** Takes in a class's headers. Where another header has a name of theirs, says so and takes none. */
  add({ headers }: ClassSource): string | undefined {
    const mine = new Map<string, string>();
    for (const header of headers) {
      const { names, macros } = definitions(header);
      for (const name of [...names, ...macros]) {
        const other = this.#owners.get(name);
        if (other !== undefined && other !== header) return `${header} and ${other} both define ${name}`;
        mine.set(name, header);
      }
    }
    for (const [name, header] of mine) this.#owners.set(name, header);
    return undefined;
  }
}

/** Sources to be put behind one another, each with its own meaning of the names that several have. */
export class UnitSources {
  readonly #renamed = new Map<string, ReadonlyMap<string, string>>();
  readonly #macros = new Map<string, readonly string[]>();

  /** `sources` may hold more than is used in the end. */
  constructor(sources: readonly ClassSource[]) {
    const files = new Set(sources.flatMap((s) => s.files));
    const owners = new Map<string, number>();
    for (const file of [...files, ...new Set(sources.flatMap((s) => s.headers))]) {
      const { names, macros } = definitions(file);
      for (const name of new Set([...names, ...macros])) owners.set(name, (owners.get(name) ?? 0) + 1);
    }
    const several = (names: ReadonlySet<string>) => [...names].filter((name) => owners.get(name)! > 1);
    for (const file of files) {
      const { names, macros } = definitions(file);
      const prefix = file.replace(/^elements\//, '').replace(/\W/g, '_');
      this.#renamed.set(file, new Map(several(names).map((name) => [name, `${prefix}__${name}`])));
      this.#macros.set(file, several(macros));
    }
  }

  /** What includes those that are used. */
  includes(used: readonly ClassSource[]): string[] {
    return [
      ...[...new Set(used.flatMap((s) => s.headers))].map((file) => `#include "${file}"`),
      ...[...new Set(used.flatMap((s) => s.files))].flatMap((file) => {
        const names = this.#renamed.get(file)!;
        const all = [...new Set([...names.keys(), ...this.#macros.get(file)!])];
        return [
          ...all.flatMap((name) => [`#pragma push_macro("${name}")`, `#undef ${name}`]),
          ...[...names].map(([name, own]) => `#define ${name} ${own}`),
          `#include "${file}"`,
          ...all.map((name) => `#pragma pop_macro("${name}")`),
        ];
      }),
    ];
  }

  /** Code in terms of a class's own file, as it is to stand behind the sources. */
  own({ files }: ClassSource, code: string): string {
    const names = this.#renamed.get(files.at(-1)!);
    return names?.size ? code.replace(/\b[A-Za-z_]\w*/g, (name) => names.get(name) ?? name) : code;
  }
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
