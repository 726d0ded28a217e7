/** Variables: scopes of values, and substitution into configuration strings with positions kept. */

import { quote, shiftWord, skipBlanks, skipComment } from '../lang/config-string.ts';

/** Substitution inside substituted values stops at this depth, as in the reference. */
const MAX_DEPTH = 10;
/** Longest text a substitution may build, in UTF-16 code units. */
const MAX_LENGTH = 4_000_000;

/** Thrown when substitution builds text beyond all reason. */
export class ExpansionTooLong extends Error {}

/** The variables in force at one level of compound nesting. */
export class Variables {
  readonly parent: Variables | undefined;
  readonly depth: number;
  readonly values = new Map<string, string>();
  /** References to this level's variables are left as they are written. */
  readonly opaque: boolean;

  constructor(parent: Variables | undefined, opaque = false) {
    this.parent = parent;
    this.opaque = opaque;
    this.depth = parent ? parent.depth + 1 : 0;
  }

  /** The level that defines a variable. */
  definingLevel(name: string): Variables | undefined {
    return this.values.has(name) ? this : this.parent?.definingLevel(name);
  }

  /** The nearest enclosing level that is above `depth`: what is visible to a class declared there. */
  above(depth: number): Variables | undefined {
    return this.depth < depth ? this : this.parent?.above(depth);
  }
}

/** A stretch of substituted text: copied from the input, or the value of the reference there. */
export interface Piece {
  readonly at: number;
  readonly inputStart: number;
  readonly inputEnd: number;
  readonly literal: boolean;
}

/** Substitute variables in a configuration string; undefined ones stay as they are written. */
export function substitute(text: string, variables: Variables): string {
  return expand(text, variables, 0, undefined);
}

/** As `substitute`, and also say where each stretch of the result comes from. */
export function substituteMapped(text: string, variables: Variables): { text: string; pieces: Piece[] } {
  const pieces: Piece[] = [];
  return { text: expand(text, variables, 0, pieces), pieces };
}

function expand(text: string, variables: Variables, depth: number, pieces: Piece[] | undefined): string {
  if (depth > MAX_DEPTH || !text.includes('$')) {
    pieces?.push({ at: 0, inputStart: 0, inputEnd: text.length, literal: true });
    return text;
  }
  let out = '';
  let copied = 0;
  let quoting = '';
  const copyTo = (end: number) => {
    if (end > copied) pieces?.push({ at: out.length, inputStart: copied, inputEnd: end, literal: true });
    out += text.slice(copied, end);
    copied = end;
  };
  for (let i = 0; i < text.length; ) {
    const c = text[i]!;
    if (c === '\\' && quoting === '"') i += 2;
    else if (c === '"' || c === "'") {
      if (quoting === '') quoting = c;
      else if (quoting === c) quoting = '';
      i++;
    } else if (c === '/' && quoting === '' && (text[i + 1] === '/' || text[i + 1] === '*')) {
      i = skipComment(text, i);
    } else if (c === '$' && quoting !== "'") {
      const reference = readReference(text, i);
      if (!reference) {
        i++;
        continue;
      }
      const value = evaluate(reference, variables, depth);
      if (value !== undefined) {
        copyTo(i);
        pieces?.push({ at: out.length, inputStart: i, inputEnd: reference.end, literal: false });
        out += quoting === '"' && !value.asWritten ? quote(value.text).slice(1, -1) : value.text;
        if (out.length > MAX_LENGTH) throw new ExpansionTooLong();
        copied = reference.end;
      }
      i = reference.end;
    } else i++;
  }
  copyTo(text.length);
  return out;
}

interface Reference {
  readonly form: 'plain' | 'braces' | 'parens';
  readonly name: string;
  readonly end: number;
}

/** `$name`, `$?`, `${...}` or `$(...)` at `at`; undefined for a dollar sign that starts none. */
function readReference(text: string, at: number): Reference | undefined {
  const next = text[at + 1];
  if (next === '{') {
    const close = text.indexOf('}', at + 2);
    return close < 0 ? undefined : { form: 'braces', name: text.slice(at + 2, close), end: close + 1 };
  }
  if (next === '(') {
    const close = closingParenthesis(text, at + 2);
    return close < 0 ? undefined : { form: 'parens', name: text.slice(at + 2, close), end: close + 1 };
  }
  const plain = /[A-Za-z0-9_]+|[?#$]/y;
  plain.lastIndex = at + 1;
  const match = plain.exec(text);
  return match ? { form: 'plain', name: match[0], end: plain.lastIndex } : undefined;
}

function closingParenthesis(text: string, from: number): number {
  let level = 1;
  let quoting = '';
  for (let i = from; i < text.length; i++) {
    const c = text[i]!;
    if (c === '\\' && quoting !== "'") i++;
    else if (c === '"' || c === "'") {
      if (quoting === '') quoting = c;
      else if (quoting === c) quoting = '';
    } else if (quoting === '' && c === '(') level++;
    else if (quoting === '' && c === ')' && --level === 0) return i;
  }
  return -1;
}

interface Value {
  readonly text: string;
  /** It is source text still, in which only inner references were replaced: its quotes stay as they are. */
  readonly asWritten?: boolean;
}

/** The text a reference stands for; undefined leaves it as written. */
function evaluate(reference: Reference, variables: Variables, depth: number): Value | undefined {
  const { form } = reference;
  const nested = form !== 'plain' && reference.name.includes('$');
  const text = nested ? expand(reference.name, variables, depth + 1, undefined) : reference.name;
  const parts =
    form === 'braces' ? braceParts(text) : { name: text, subscript: undefined, fallback: undefined };
  const level = variables.definingLevel(parts.name);
  if (level?.opaque) return undefined;
  if (level) {
    const value = expand(level.values.get(parts.name)!, variables, depth + 1, undefined);
    return { text: parts.subscript === undefined ? value : wordAt(value, parts.subscript) };
  }
  if (parts.fallback !== undefined) return { text: expand(parts.fallback, variables, depth + 1, undefined) };
  if (!nested) return undefined;
  return { text: form === 'braces' ? `\${${text}}` : `$(${text})`, asWritten: true };
}

/** The inside of `${name}`, `${name[2]}` (the third word) or `${name-default}`. */
function braceParts(text: string) {
  const name = /^\s*(\w*)\s*/.exec(text)!;
  let rest = text.slice(name[0].length);
  const subscript = /^\[\s*(\d+|0[xX][0-9a-fA-F]+)\]\s*/.exec(rest);
  if (subscript) rest = rest.slice(subscript[0].length);
  return {
    name: name[1]!,
    subscript: subscript ? Number(subscript[1]) : undefined,
    fallback: rest.startsWith('-') ? rest.slice(1) : undefined,
  };
}

function wordAt(text: string, index: number): string {
  let rest = text.slice(skipBlanks(text, 0));
  let word = '';
  for (let i = 0; i <= index && (rest !== '' || word !== ''); i++) [word, rest] = shiftWord(rest);
  return word;
}
