import { describe, expect, test } from 'vitest';
import { Diagnostics } from '../../../src/lang/diagnostics.ts';
import { MAX_NESTING, parse } from '../../../src/lang/parse.ts';

function problems(text: string): string[] {
  const diagnostics = new Diagnostics();
  parse(text, 'x', diagnostics);
  return diagnostics.list.map(({ message, span }) => {
    const { line, column } = span!.source.locate(span!.start);
    return `${line}:${column} ${message}`;
  });
}

function intact(text: string): number {
  return parse(text, 'x', new Diagnostics()).statements.length;
}

describe('syntax errors', () => {
  test.each<[text: string, expected: string[]]>([
    ['x : Queue;', ["1:3 syntax error near ':' (did you mean '::'?)"]],
    ['a - b', ["1:3 syntax error near '-' (did you mean '->'?)"]],
    [
      'x : 5 [',
      [
        "1:3 syntax error near ':' (did you mean '::'?)",
        "1:8 syntax error in port list: expected ',' or ']'",
      ],
    ],
    ['x ::; y', ['1:3 missing element type in declaration']],
    ['x :: ;', ['1:3 missing element type in declaration']],
    ['x :: (1)', ['1:3 missing element type in declaration']],
    ['a -> ] b', ["1:6 syntax error near ']'"]],
    ['}', ["1:1 syntax error near '}'"]],
    [')', ["1:1 syntax error near ')'"]],
    ['{ a ) b }', ["1:5 syntax error near ')'"]],
    ['a || b', ["1:3 syntax error near '||'"]],
    ['$x -> a', ["1:1 syntax error near '$x'"]],
    ['é', ["1:1 syntax error near 'é'"]],
    ['"a;b" c', ['1:1 syntax error near \'"a;b"\'']],
    ['elementclass', ['1:1 expected element class name']],
    ['elementclass { a }', ['1:1 expected element class name']],
    ['elementclass A;', ["1:1 expected a class name or '{' after 'elementclass A'"]],
    ['require foo', ["1:1 expected '(' after 'require'"]],
    ['a(b', ["1:2 unclosed '(': expected ')'"]],
    ['{ a', ["1:1 unclosed '{': expected '}'"]],
    ['( a', ["1:1 unclosed '(': expected ')'"]],
    ['a("b)', ["1:2 unclosed '(': expected ')'", '1:3 unterminated string']],
    ['a /* b', ['1:3 unterminated comment']],
    ['#include "x"\na', ['1:1 unknown preprocessor directive']],
    ['a [x] -> b', ['1:4 syntax error: port number should be an integer']],
    ['a [70000] -> b', ['1:4 syntax error: port number above 65535']],
    ['a [0 1] -> b', ["1:6 syntax error in port list: expected ',' or ']'"]],
    ['a [0 -> b', ["1:6 syntax error in port list: expected ',' or ']'"]],
    ['a [,] -> b', ['1:4 syntax error in port list: expected port number']],
    ['elementclass A { $a $b | x }', ["1:21 expected ',' or '|' after compound element parameter"]],
    ['elementclass A { $a, K $b x }', ["1:27 expected ',' or '|' after compound element parameter"]],
    ['elementclass A { ... || x }', ["1:18 syntax error near '...'"]],
    ['elementclass A { x || ... || y }', ["1:23 '...' must come last, after one or more compounds"]],
  ])('%j', (text, expected) => {
    expect(problems(text)).toEqual(expected);
  });

  test('five in one file, and the statements around them survive', () => {
    const text = [
      'a :: Idle;',
      'b : Queue(1,',
      '          2);',
      'c :: Queue;',
      'a -> $d -> c;',
      'elementclass;',
      'x :: { y ] z -> w };',
      'c -> Discard',
      'e [0 -> f;',
    ].join('\n');
    expect(problems(text)).toEqual([
      "2:3 syntax error near ':' (did you mean '::'?)",
      "5:6 syntax error near '$d'",
      '6:1 expected element class name',
      "7:10 syntax error near ']'",
      "9:6 syntax error in port list: expected ',' or ']'",
    ]);
    expect(intact(text)).toBe(7);
  });

  test('lines that only continue a broken statement are skipped with it', () => {
    expect(problems('a ? b\n  -> c\n  -> d [1]\n[0] -> e;\nf -> g ! h')).toEqual([
      "1:3 syntax error near '?'",
      "5:8 syntax error near '!'",
    ]);
  });

  test('a broken compound body does not end the compound', () => {
    expect(problems('elementclass A { a ? ; b } c -> d')).toEqual(["1:20 syntax error near '?'"]);
    expect(intact('elementclass A { a ? ; b } c -> d')).toBe(2);
  });
});

describe('hostile input ends with an error', () => {
  test('nesting up to the limit parses, beyond it is an error', () => {
    const nested = (n: number) => `${'{'.repeat(n)}a${'}'.repeat(n)}`;
    expect(problems(nested(MAX_NESTING))).toEqual([]);
    expect(problems(nested(MAX_NESTING + 1))).toEqual([
      `1:${MAX_NESTING + 1} compounds and groups nested more than ${MAX_NESTING} deep`,
    ]);
    expect(problems('x::{'.repeat(50_000))).toHaveLength(1);
    expect(problems('('.repeat(1_000_000))).toHaveLength(1);
  });

  test.each([
    ['parentheses in a configuration', `a${'('.repeat(1_000_000)}`],
    ['unknown characters', '?'.repeat(1_000_000)],
    ['a line of errors each', '?\n'.repeat(100_000)],
    ['open parentheses after an error', '] (\n'.repeat(100_000)],
    ['slashes', '/ '.repeat(500_000)],
    ['names', 'a '.repeat(1_010_000)],
    ['arrows', '-> '.repeat(1_010_000)],
    ['ports', `a[${'0,'.repeat(1_010_000)}`],
    ['overloads', `{${'||'.repeat(1_010_000)}`],
    ['a wide port range', 'a[0-65535, 0-65535] -> b'],
  ])('%s', (_, text) => {
    expect(problems(text).length).toBeGreaterThan(0);
  });
});
