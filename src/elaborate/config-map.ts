/** Positions of arguments: from offsets in a (substituted) configuration string back to the source. */

import type { Config } from '../lang/ast.ts';
import type { ArgText } from '../lang/config-string.ts';
import type { Span } from '../lang/source.ts';
import type { Piece } from './variables.ts';

/** The source span of an argument of a configuration string as written. */
export function argSpan(config: Config, arg: Pick<ArgText, 'start' | 'end'>): Span {
  const start = sourceOffset(config, arg.start);
  const end = arg.end > arg.start ? sourceOffset(config, arg.end - 1) + 1 : start;
  return { source: config.span.source, start, end };
}

/** The source span of an argument of a configuration string after substitution. */
export function mappedArgSpan(config: Config, pieces: readonly Piece[], arg: ArgText): Span {
  const start = inputOffset(pieces, arg.start, false);
  const end = arg.end > arg.start ? inputOffset(pieces, arg.end - 1, true) : start;
  return argSpan(config, { start, end: Math.max(start, end) });
}

/** Where in the unsubstituted text the character at `at` comes from; `after` gives the end instead. */
function inputOffset(pieces: readonly Piece[], at: number, after: boolean): number {
  let low = 0;
  let high = pieces.length;
  if (high === 0) return 0;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (pieces[middle]!.at <= at) low = middle;
    else high = middle;
  }
  const piece = pieces[low]!;
  if (!piece.literal) return after ? piece.inputEnd : piece.inputStart;
  return piece.inputStart + (at - piece.at) + (after ? 1 : 0);
}

function sourceOffset(config: Config, offset: number): number {
  let source = config.span.start + offset;
  for (const [start, end] of config.cuts) if (start <= source) source += end - start;
  return Math.min(source, config.span.end);
}
