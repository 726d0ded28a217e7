/** `require(...)` and `define(...)`. */

import type { DirectiveStatement } from '../lang/ast.ts';
import { shiftWord, splitArgs, splitWords, unquote } from '../lang/config-string.ts';
import type { Span } from '../lang/source.ts';
import { argSpan } from './config-map.ts';
import type { Scope } from './scope.ts';

export interface RequireEntry {
  readonly type: string;
  readonly value: string;
  readonly span: Span;
}

/** The entries of a `require`; a lone word names a package. */
export function requireEntries(
  statement: DirectiveStatement,
  error: (span: Span, message: string) => void,
): RequireEntry[] {
  const entries: RequireEntry[] = [];
  for (const arg of splitArgs(statement.config.text)) {
    const words = splitWords(arg.text);
    const span = argSpan(statement.config, arg);
    if (words.length === 0) continue;
    const type = unquote(words[0]!);
    const known = type === 'compact_config' || type === 'package' || type === 'library';
    if (type === 'compact_config' && words.length === 1) entries.push({ type, value: '', span });
    else if (!known && words.length === 1) entries.push({ type: 'package', value: type, span });
    else if (known && words.length === 2 && type !== 'compact_config')
      entries.push({ type, value: unquote(words[1]!), span });
    else error(span, `syntax error at requirement '${arg.text}'`);
  }
  return entries;
}

/** Enter the variables of a `define` into a scope; they hold for the whole scope. */
export function applyDefine(
  statement: DirectiveStatement,
  scope: Scope,
  error: (span: Span, message: string) => void,
): void {
  for (const arg of splitArgs(statement.config.text)) {
    if (arg.text === '') continue;
    const [variable, value] = shiftWord(arg.text);
    const span = argSpan(statement.config, arg);
    const name = variable.slice(1);
    if (!/^\$[A-Za-z0-9_]+$/.test(variable)) error(span, "bad 'define' declaration: not a variable");
    else if (scope.definitions.has(name) || scope.parameters.some((parameter) => parameter.name === name))
      error(span, `parameter '$${name}' multiply defined`);
    else scope.definitions.set(name, value);
  }
}
