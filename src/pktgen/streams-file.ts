/** Streams from a YAML file: every mistake with its line and column. */

import { dirname } from 'node:path';
import { isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { FrameIssue } from './frames.ts';
import { readStreams, type Stream, StreamError } from './stream.ts';

/** Where in the text a mistake is: of its value, of its key, or of the nearest thing that is there. */
function offsetOf(root: unknown, issue: FrameIssue): number {
  let node = root;
  let offset = 0;
  for (const [i, part] of issue.path.entries()) {
    let next: unknown;
    if (isMap(node)) {
      const pair = node.items.find((p) => isScalar(p.key) && String(p.key.value) === String(part));
      if (!pair) break;
      const key = pair.key as Node;
      const asKey = i === issue.path.length - 1 && issue.atKey;
      next = asKey || pair.value === null ? key : pair.value;
      offset = key.range?.[0] ?? offset;
    } else if (isSeq(node)) {
      next = node.items[Number(part)];
    }
    if (isPair(next)) next = next.value;
    const range = (next as Node | undefined)?.range;
    if (!range) break;
    offset = range[0];
    node = next;
  }
  return offset;
}

/** Read streams. Throws StreamError with a line `FILE:LINE:COLUMN: ...` for each mistake. */
export function parseStreamFile(text: string, file: string, lineRate?: number): Stream[] {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line || 1}:${col || 1}: error: `;
  };
  if (doc.errors.length)
    throw new StreamError(doc.errors.map((e) => `${at(e.pos[0])}not YAML: ${e.message}`).join('\n'));
  const { streams, issues } = readStreams(doc.toJS(), { lineRate, folder: dirname(file) });
  if (issues.length) {
    const located = issues.map((i) => ({ offset: offsetOf(doc.contents, i), message: i.message }));
    located.sort((a, b) => a.offset - b.offset);
    throw new StreamError(located.map((i) => at(i.offset) + i.message).join('\n'));
  }
  return streams;
}
