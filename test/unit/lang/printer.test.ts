import { describe, expect, test } from 'vitest';
import { Diagnostics } from '../../../src/lang/diagnostics.ts';
import { parse } from '../../../src/lang/parse.ts';
import { printAst } from '../../../src/lang/printer.ts';

function format(text: string): string {
  const diagnostics = new Diagnostics();
  const printed = printAst(parse(text, 'x', diagnostics));
  expect(diagnostics.list).toEqual([]);
  return printed;
}

describe('printAst', () => {
  test.each([
    ['a::A b::B(1,2)', 'a :: A;\nb :: B(1,2);\n'],
    ['a[1]->[2]b', 'a [1] -> [2] b;\n'],
    ['a,b->c', 'a, b -> c;\n'],
    ['a[0,1,]=>[]b', 'a [0, 1,] => [0,] b;\n'],
    ['elementclass A{$a,K $b|input->output}', 'elementclass A { $a, K $b |\n  input -> output;\n}\n'],
    ['elementclass A B', 'elementclass A B;\n'],
    ['elementclass A{x||y||...}', 'elementclass A {\n  x;\n||\n  y;\n|| ...\n}\n'],
    ['a->{->b->}->c', 'a -> { -> b -> } -> c;\n'],
    ['x::{\na;b}(c)', 'x :: {\n  a;\n  b;\n}(c);\n'],
    ['a=>(->b),(c;d)', 'a => ( -> b ), ( c; d );\n'],
    ['define($a 1)require(x)', 'define($a 1);\nrequire(x);\n'],
    ['a;\n\n\n\nb;c', 'a;\n\nb;\nc;\n'],
    [
      '// top\n\na; // end of line\n/* before b */ b\n// last',
      '// top\n\na; // end of line\n/* before b */\nb;\n// last\n',
    ],
    ['a // one\n-> b // two\n-> c', 'a\n  // one\n  -> b\n  // two\n  -> c;\n'],
    ['A(b /* inside */, // c\nd)', 'A(b /* inside */, // c\nd);\n'],
  ])('%j', (text, expected) => {
    expect(format(text)).toBe(expected);
    expect(format(expected)).toBe(expected);
  });

  test('long chains are broken at arrows', () => {
    const names = Array.from({ length: 9 }, (_, i) => `element_number_${i}`);
    const printed = format(names.join(' -> '));
    expect(printed.split('\n').every((line) => line.length <= 82)).toBe(true);
    expect(format(printed)).toBe(printed);
  });
});
