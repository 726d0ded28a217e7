/** A YAML document whose parts know their place, so that every complaint has a line and a column. */

import { type Document, isMap, isNode, isPair, isScalar, type Node, type Pair, parseDocument } from 'yaml';
import type { z } from 'zod';
import type { Diagnostics } from '../lang/diagnostics.ts';
import { Source, type Span } from '../lang/source.ts';
import { suggest } from '../lang/suggest.ts';

export type Path = readonly (string | number)[];

export class LocatedDocument {
  readonly source: Source;
  readonly #document: Document.Parsed;

  constructor(text: string, file: string) {
    this.source = new Source(text, file);
    this.#document = parseDocument(text, { prettyErrors: false });
  }

  /** Report what is no YAML; the content otherwise. */
  read(diagnostics: Diagnostics): unknown {
    const { errors, warnings } = this.#document;
    for (const e of [...errors, ...warnings])
      diagnostics.error(
        this.#span(e.pos[0], e.pos[1]),
        e.code === 'DUPLICATE_KEY' ? 'the name is used twice' : e.message,
      );
    return errors.every((e) => e.code === 'DUPLICATE_KEY') ? this.#document.toJS() : undefined;
  }

  /** The place of a value; of the nearest thing around it that is in the file. */
  at(path: Path): Span {
    for (let n = path.length; n >= 0; n--) {
      const node = n === 0 ? this.#document.contents : this.#document.getIn(path.slice(0, n), true);
      if (isNode(node) && node.range) return this.#span(node.range[0], node.range[1]);
    }
    return this.#span(0, 0);
  }

  /** The place of a key. */
  key(path: Path): Span {
    const parent = path.length > 1 ? this.#document.getIn(path.slice(0, -1), true) : this.#document.contents;
    const last = String(path.at(-1));
    const pair = isMap(parent)
      ? parent.items.find((p: Pair) => isPair(p) && isScalar(p.key) && String(p.key.value) === last)
      : undefined;
    const key = pair?.key as Node | undefined;
    return key?.range ? this.#span(key.range[0], key.range[1]) : this.at(path);
  }

  #span(start: number, end: number): Span {
    return { source: this.source, start, end };
  }
}

/** Report what a schema found, each at its place. */
export function reportIssues(
  issues: readonly z.core.$ZodIssue[],
  document: LocatedDocument,
  known: (path: Path) => readonly string[],
  diagnostics: Diagnostics,
): void {
  for (const issue of issues) {
    const path = issue.path as Path;
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        const keys = known(path);
        diagnostics.error(
          document.key([...path, key]),
          `unknown key '${key}'${suggest(key, keys) || `: expected ${keys.join(', ')}`}`,
        );
      }
    } else if (issue.code === 'invalid_key') {
      diagnostics.error(document.key(path), issue.issues[0]?.message ?? issue.message);
    } else {
      diagnostics.error(document.at(path), describe(issue, path));
    }
  }
}

function describe(issue: z.core.$ZodIssue, path: Path): string {
  const last = path.at(-1);
  const what =
    typeof last === 'string' ? `'${last}'` : last === undefined ? 'the topology' : `entry ${last + 1}`;
  const missing = issue.code === 'invalid_type' && /received undefined/.test(issue.message);
  if (missing) return `${what} is missing`;
  if (issue.code === 'invalid_type') return `${what} must be ${EXPECTED[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value') return `${what} must be one of ${issue.values.join(', ')}`;
  if (issue.code === 'invalid_union') return `${what} must be text or a number`;
  if (issue.code === 'too_small') return `${what} must be ${issue.minimum} or more`;
  if (issue.code === 'too_big') return `${what} must be ${issue.maximum} or less`;
  return issue.message;
}

const EXPECTED: Record<string, string> = {
  string: 'text',
  int: 'a whole number',
  number: 'a number',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};
