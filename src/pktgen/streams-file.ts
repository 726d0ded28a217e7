/** Streams from a YAML file: every mistake with its line and column. */

import { dirname } from 'node:path';
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import type { FrameIssue } from './frames.ts';
import { readStreams, type Stream, StreamError } from './stream.ts';

/** Longer text is not what 1024 streams need. */
const LONGEST = 4 << 20;
/** So much of a wrong value is quoted. */
const QUOTED = 60;

/** Mistakes, each with its place: `FILE:LINE:COLUMN: error: ...`. */
export class StreamFileError extends StreamError {
  readonly located = true;
}

/** Where in the text a mistake is: of its value, of its key, or of the nearest thing that is there. */
function placeOf(root: unknown, issue: FrameIssue): { offset: number; value?: Node } {
  let node = root;
  let offset = 0;
  for (const [i, part] of issue.path.entries()) {
    let next: unknown;
    if (isMap(node)) {
      const pair = node.items.find((p) => isScalar(p.key) && String(p.key.value) === String(part));
      if (!pair) return { offset };
      const key = pair.key as Node;
      const asKey = i === issue.path.length - 1 && issue.atKey;
      next = asKey || pair.value === null ? key : pair.value;
      offset = key.range?.[0] ?? offset;
      if (asKey) return { offset };
    } else if (isSeq(node)) {
      next = node.items[Number(part)];
    }
    if (isPair(next)) next = next.value;
    const range = (next as Node | undefined)?.range;
    if (!range) return { offset };
    offset = range[0];
    node = next;
  }
  return { offset, value: node as Node };
}

/** The text of a wrong value, if it is one word or a few. */
function quoted(text: string, value: Node | undefined): string | undefined {
  if (!isScalar(value) || !value.range) return undefined;
  const [from, to] = value.range;
  const source = text.slice(from, to).trim();
  if (source.includes('\n')) return undefined;
  return source.length > QUOTED ? `${source.slice(0, QUOTED)}...` : source;
}

/** Whether a message has the word already; a short one on its own. */
const names = (message: string, word: string): boolean =>
  word.length > 3 ? message.includes(word) : message.split(/[^\w-]+/).includes(word);

/** Aliases that name nothing, or that stand within what they name. */
function aliasMistakes(doc: Document): { offset: number; message: string }[] {
  const found: { offset: number; message: string }[] = [];
  visit(doc, {
    Alias(_, node, path) {
      const target = node.resolve(doc);
      const offset = node.range?.[0] ?? 0;
      if (!target) found.push({ offset, message: `*${node.source}: no anchor &${node.source} before it` });
      else if (path.includes(target as (typeof path)[number]))
        found.push({ offset, message: `*${node.source}: it would hold itself` });
    },
  });
  return found;
}

const YAML_MESSAGES: Record<string, string> = {
  MULTIPLE_DOCS: 'a second document: expected one',
  DUPLICATE_KEY: 'this key is there already',
};

/** Read streams. Throws StreamFileError with a line for each mistake. */
export function parseStreamFile(text: string, file: string, lineRate?: number): Stream[] {
  const lines = new LineCounter();
  const fail = (list: { offset: number; message: string }[]): never => {
    const at = (offset: number): string => {
      const { line, col } = lines.linePos(offset);
      return `${file}:${line || 1}:${col || 1}: error: `;
    };
    list.sort((a, b) => a.offset - b.offset);
    throw new StreamFileError(list.map((i) => at(i.offset) + i.message).join('\n'));
  };
  if (text.length > LONGEST)
    fail([{ offset: 0, message: `${(text.length / 2 ** 20).toFixed(1)} MiB: expected 4 MiB at most` }]);
  const doc = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    logLevel: 'error',
  });
  if (doc.errors.length)
    fail(
      doc.errors.map((e) => ({
        offset: e.pos[0],
        message: `not YAML: ${YAML_MESSAGES[e.code] ?? e.message}`,
      })),
    );
  const aliases = aliasMistakes(doc);
  if (aliases.length) fail(aliases);
  let value: unknown;
  try {
    value = doc.toJS();
  } catch (e) {
    // Aliases of aliases of aliases, which would come to more than fits into memory.
    if (!(e instanceof ReferenceError)) throw e;
    fail([{ offset: 0, message: 'aliases stand for too much: write it out' }]);
  }
  const { streams, issues } = readStreams(value, { lineRate, folder: dirname(file) });
  if (issues.length)
    fail(
      issues.map((issue) => {
        const place = placeOf(doc.contents, issue);
        const word = isAlias(place.value) ? undefined : quoted(text, place.value);
        const message = word && !names(issue.message, word) ? `${word}: ${issue.message}` : issue.message;
        return { offset: place.offset, message };
      }),
    );
  return streams;
}
