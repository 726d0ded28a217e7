import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  quote,
  shiftWord,
  splitArgs,
  splitWords,
  uncomment,
  unquote,
} from '../../../src/lang/config-string.ts';

const texts = (config: string) => splitArgs(config).map((arg) => arg.text);

describe('splitArgs', () => {
  test.each<[string, string[]]>([
    ['', []],
    ['   ', []],
    ['a, b, c', ['a', 'b', 'c']],
    ['  a /*?*/ b,  c, ', ['a b', 'c']],
    ['"x, y" // ?', ['"x, y"']],
    ['a,', ['a']],
    ['a,,', ['a', '']],
    [',', ['']],
    [', a', ['', 'a']],
    ['(a, b), c', ['(a', 'b)', 'c']],
    ["'a, b', c", ["'a, b'", 'c']],
    ['\\<0a, 0b>, c', ['\\<0a, 0b>', 'c']],
    ['"\\<2c, >, ", c', ['"\\<2c, >, "', 'c']],
    ['"a\\", b", c', ['"a\\", b"', 'c']],
    ["'a\\', b", ["'a\\'", 'b']],
    ['a // comment, with comma\n, b', ['a', 'b']],
    ['a /* one, two */, b', ['a', 'b']],
    ['a// x\nb', ['a b']],
    ['a// x\r\nb', ['a b']],
    ['a/**/b', ['a b']],
    ['"a // no comment"', ['"a // no comment"']],
    ['a\nb\r\n, c', ['a\nb', 'c']],
    ['12/0806 20/0001, -', ['12/0806 20/0001', '-']],
    ['é, ü', ['é', 'ü']],
  ])('%j', (config, expected) => {
    expect(texts(config)).toEqual(expected);
  });

  test('positions are those of the text in the string', () => {
    const config = ' a /* x */ b ,\n  "c, d" // e\n, f';
    expect(splitArgs(config).map(({ start, end }) => config.slice(start, end))).toEqual([
      'a /* x */ b',
      '"c, d"',
      'f',
    ]);
  });
});

describe('uncomment', () => {
  test('keeps inner blanks, and makes a comment one space', () => {
    expect(uncomment('  a   b  ')).toBe('a   b');
    expect(uncomment('  a /* Comment */       b  ')).toBe('a b');
    expect(uncomment('  " /*???  */ "  ')).toBe('" /*???  */ "');
  });
});

describe('words', () => {
  test('split at blanks outside quotes', () => {
    expect(splitWords('a  b, c')).toEqual(['a', 'b,', 'c']);
    expect(splitWords("  'a /*?*/ b'c")).toEqual(["'a /*?*/ b'c"]);
    expect(splitWords('"x y" \\<0a 0b> z/* */w')).toEqual(['"x y"', '\\<0a 0b>', 'z', 'w']);
  });

  test('shiftWord gives the rest without leading blanks', () => {
    expect(shiftWord('$a  1 2 ')).toEqual(['$a', '1 2 ']);
    expect(shiftWord('')).toEqual(['', '']);
  });
});

describe('unquote', () => {
  test.each<[string, string]>([
    ['"\\n" abc /* 123 */ \'/* def */\'', '\n abc /* def */'],
    ['\\<48656c6C 6f 2 /* And finally */ 1>', 'Hello!'],
    ['"\\<0a>b"', '\nb'],
    ["'\\n'", '\\n'],
    ['a\\nb', 'a\\nb'],
    ['"\\101\\x42\\x143"', 'ABC'],
    ['"\\a\\b\\f\\v\\r\\t\\\\\\"\\$\\,\\q"', '\x07\b\f\v\r\t\\"$,q'],
    ['"a\\\nb\\\r\nc"', 'abc'],
    ['plain', 'plain'],
    ['"a"\'b\'c', 'abc'],
    ['"\\', '\\'],
  ])('%j', (text, expected) => {
    expect(unquote(text)).toBe(expected);
  });

  test('undoes quote, for any byte string', () => {
    const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)) });
    fc.assert(fc.property(bytes, (text) => unquote(quote(text)) === text));
  });

  test('quote escapes what would not survive', () => {
    expect(quote('')).toBe('""');
    expect(quote('a$b"c\\d\te\nf\rg\x01\xff')).toBe('"a\\$b\\"c\\\\d\\te\\nf\\rg\\001\\377"');
  });
});
