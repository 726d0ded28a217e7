/** Configuration strings: arguments, words, quoting. Text in, text out; positions are text offsets. */

/** One argument: its text without comments and outer blanks, and where that text came from. */
export interface ArgText {
  readonly text: string;
  /** Offset of the first character in the configuration string. */
  readonly start: number;
  /** Offset after the last character. Longer than `text` where comments were removed inside. */
  readonly end: number;
}

/**
 * Split a configuration string at commas. Commas inside quotes, comments and `\<...>` do not split;
 * commas inside parentheses do. An empty last argument is dropped, so a trailing comma is harmless.
 */
export function splitArgs(config: string): ArgText[] {
  const args: ArgText[] = [];
  let position = 0;
  while (position < config.length) {
    const { arg, next } = scanArg(config, position, true);
    if (arg.text !== '' || next < config.length) args.push(arg);
    position = next + 1;
  }
  return args;
}

/** Remove comments and outer blanks; blanks next to a removed comment become one space. */
export function uncomment(text: string): string {
  return scanArg(text, 0, false).arg.text;
}

function scanArg(config: string, from: number, stopAtComma: boolean): { arg: ArgText; next: number } {
  const start = skipBlanks(config, from);
  let text = '';
  let left = start;
  let right = start;
  let commentSince = false;
  let i = start;
  while (i < config.length) {
    const c = config.charCodeAt(i);
    if (isSpace(c)) {
      i++;
    } else if (startsComment(config, i)) {
      i = skipComment(config, i);
      commentSince = true;
    } else if (c === COMMA && stopAtComma) {
      break;
    } else {
      if (commentSince) {
        text += `${config.slice(left, right)} `;
        left = i;
        commentSince = false;
      }
      i = skipItem(config, i);
      right = i;
    }
  }
  return { arg: { text: text + config.slice(left, right), start, end: right }, next: i };
}

/** Split text into words at blanks and comments outside quotes. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let rest = text;
  for (;;) {
    const [word, after] = shiftWord(rest);
    if (word === '') return words;
    words.push(word);
    rest = after;
  }
}

/** The first word of a text, and what follows the blanks after it. */
export function shiftWord(text: string): [word: string, rest: string] {
  const start = skipBlanks(text, 0);
  let end = start;
  while (end < text.length && !isSpace(text.charCodeAt(end)) && !startsComment(text, end))
    end = skipItem(text, end);
  return [text.slice(start, end), text.slice(skipBlanks(text, end))];
}

/**
 * Remove one level of quotes: `'...'` is literal, `"..."` knows backslash escapes, and `\<hex>` makes
 * bytes inside double quotes or outside any. Bytes above 127 become the code units 128 to 255.
 */
export function unquote(text: string): string {
  const source = uncomment(text);
  let out = '';
  let quote = '';
  for (let i = 0; i < source.length; ) {
    const c = source[i]!;
    if ((c === '"' || c === "'") && (quote === '' || quote === c)) {
      quote = quote === '' ? c : '';
      i++;
    } else if (
      c === '\\' &&
      i + 1 < source.length &&
      (quote === '"' || (quote === '' && source[i + 1] === '<'))
    ) {
      const sequence = readEscape(source, i);
      out += sequence.text;
      i = sequence.end;
    } else {
      out += c;
      i++;
    }
  }
  return out;
}

const SIMPLE_ESCAPE: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function readEscape(text: string, at: number): { text: string; end: number } {
  const c = text[at + 1]!;
  if (c === '\r') return { text: '', end: text[at + 2] === '\n' ? at + 3 : at + 2 };
  if (c === '\n') return { text: '', end: at + 2 };
  if (c === '<') return readHexBytes(text, at + 2);
  const numeric = /\\(?:([0-7]{1,3})|x([0-9a-fA-F]*))/y;
  numeric.lastIndex = at;
  const number = numeric.exec(text);
  if (number) {
    const value = number[1] !== undefined ? parseInt(number[1], 8) : parseInt(`0${number[2]!.slice(-2)}`, 16);
    return { text: String.fromCharCode(value & 255), end: numeric.lastIndex };
  }
  return { text: SIMPLE_ESCAPE[c] ?? c, end: at + 2 };
}

function readHexBytes(text: string, from: number): { text: string; end: number } {
  let out = '';
  let digits = '';
  for (let i = from; i < text.length; ) {
    const c = text[i]!;
    if (c === '>') return { text: out, end: i + 1 };
    if (startsComment(text, i)) {
      i = skipComment(text, i);
      continue;
    }
    if (/[0-9a-fA-F]/.test(c)) digits += c;
    if (digits.length === 2) {
      out += String.fromCharCode(parseInt(digits, 16));
      digits = '';
    }
    i++;
  }
  return { text: out, end: text.length };
}

/** A double-quoted string that `unquote` turns back into `text`. Never empty. */
export function quote(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
  const body = text.replace(/[\\"$\x00-\x1f\x7f-\xff]/g, (c) => {
    if (c === '\\' || c === '"' || c === '$') return `\\${c}`;
    if (c === '\t') return '\\t';
    if (c === '\r') return '\\r';
    if (c === '\n') return '\\n';
    return `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`;
  });
  return `"${body}"`;
}

const COMMA = 0x2c;
const SLASH = 0x2f;
const STAR = 0x2a;
const BACKSLASH = 0x5c;
const DOUBLE_QUOTE = 0x22;
const SINGLE_QUOTE = 0x27;
const LESS = 0x3c;

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 9 && code <= 13);
}

/** Skip blanks and comments. */
export function skipBlanks(text: string, from: number): number {
  let i = from;
  for (;;) {
    if (i < text.length && isSpace(text.charCodeAt(i))) i++;
    else if (startsComment(text, i)) i = skipComment(text, i);
    else return i;
  }
}

function startsComment(text: string, at: number): boolean {
  if (text.charCodeAt(at) !== SLASH) return false;
  const second = text.charCodeAt(at + 1);
  return second === SLASH || second === STAR;
}

/** Offset after the comment at `at`; the line end belongs to a `//` comment. */
export function skipComment(text: string, at: number): number {
  if (text.charCodeAt(at + 1) === STAR) {
    const end = text.indexOf('*/', at + 2);
    return end < 0 ? text.length : end + 2;
  }
  const lineEnd = /\r\n?|\n/g;
  lineEnd.lastIndex = at + 2;
  return lineEnd.test(text) ? lineEnd.lastIndex : text.length;
}

/** Offset after one quoted string, `\<...>` or plain character. */
function skipItem(text: string, at: number): number {
  const c = text.charCodeAt(at);
  if (c === SINGLE_QUOTE) {
    const end = text.indexOf("'", at + 1);
    return end < 0 ? text.length : end + 1;
  }
  if (c === DOUBLE_QUOTE) return skipDoubleQuote(text, at);
  if (c === BACKSLASH && text.charCodeAt(at + 1) === LESS) return skipHex(text, at);
  return at + 1;
}

function skipDoubleQuote(text: string, at: number): number {
  let i = at + 1;
  while (i < text.length) {
    const c = text.charCodeAt(i);
    if (c === DOUBLE_QUOTE) return i + 1;
    if (c !== BACKSLASH) i++;
    else if (text.charCodeAt(i + 1) === LESS) i = skipHex(text, i);
    else i += 2;
  }
  return text.length;
}

function skipHex(text: string, at: number): number {
  let i = at + 2;
  while (i < text.length) {
    if (text[i] === '>') return i + 1;
    i = startsComment(text, i) ? skipComment(text, i) : i + 1;
  }
  return text.length;
}
