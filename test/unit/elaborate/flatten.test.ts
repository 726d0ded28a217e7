import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type ElaborateOptions, elaborate } from '../../../src/elaborate/index.ts';
import { printFlat } from '../../../src/graph/print-flat.ts';
import { Diagnostics } from '../../../src/lang/diagnostics.ts';
import { parse } from '../../../src/lang/parse.ts';

function flatten(text: string, options: ElaborateOptions = {}): string {
  const diagnostics = new Diagnostics();
  const graph = elaborate(parse(text, 'x', diagnostics), options, diagnostics);
  expect(diagnostics.list.filter(({ severity }) => severity === 'error')).toEqual([]);
  return printFlat(graph).trim();
}

/** `=== name`, configuration, `---`, flat configuration; `\r` stands for a carriage return. */
const CASES = readFileSync(new URL('flatten-cases.txt', import.meta.url), 'utf8')
  .split(/^=== /m)
  .slice(1)
  .map((text) => {
    const [head, flat] = text.replaceAll('\\r', '\r').split('\n---\n') as [string, string];
    const newline = head.indexOf('\n');
    return [head.slice(0, newline), head.slice(newline + 1), flat.trim()] as const;
  });

describe('flat configurations are those of the reference', () => {
  test.each(CASES)('%s', (_, config, flat) => {
    expect(flatten(config)).toBe(flat);
  });

  test.each(CASES)('%s: flattening again changes nothing', (_, __, flat) => {
    // What was an undefined variable is one again; the rest has none left.
    expect(flatten(flat)).toBe(flat);
  });
});

describe('options', () => {
  const nested =
    'elementclass A { B :: { -> x :: Null -> }; -> B -> y :: Null -> } Idle -> a :: A -> Discard';
  const names = (text: string, options: ElaborateOptions) => {
    const diagnostics = new Diagnostics();
    return elaborate(parse(text, 'x', diagnostics), options, diagnostics).elements.map(
      (element) => element.name,
    );
  };

  test('order: the driver expands level by level, the tool depth first', () => {
    expect(names(nested, {})).toEqual(['Idle@1', 'Discard@3', 'a/y', 'a/B/x']);
    expect(names(nested, { order: 'tool' })).toEqual(['Idle@1', 'Discard@3', 'a/B/x', 'a/y']);
  });

  test('variables from outside override definitions', () => {
    const text = 'define($a 1) Idle -> Print($a$b) -> Discard';
    expect(flatten(text, { variables: { a: '2', b: '3' } })).toContain('Print(23)');
  });

  test('outermost variables can be left alone', () => {
    const text =
      'define($a 1) elementclass A { $x | -> Print($x $a $b) -> } Idle -> A(7) -> Print($a, "$a", $' +
      '{a[1]}) -> Discard';
    const diagnostics = new Diagnostics();
    const graph = elaborate(parse(text, 'x', diagnostics), { expandVariables: false }, diagnostics);
    expect(printFlat(graph, { definitions: true })).toBe(
      [
        'define($a 1);',
        '',
        'Idle@1 :: Idle;',
        'Print@3 :: Print($a, "$a", $' + '{a[1]});',
        'Discard@4 :: Discard;',
        'A@2/Print@1 :: Print(7 $a $b);',
        '',
        'Idle@1 -> A@2/Print@1',
        '    -> Print@3',
        '    -> Discard@4;',
        '',
      ].join('\n'),
    );
  });

  test('line directives', () => {
    const diagnostics = new Diagnostics();
    const graph = elaborate(parse('a :: Idle;\na -> Discard', 'x.click', diagnostics), {}, diagnostics);
    expect(printFlat(graph, { lineDirectives: true })).toBe(
      '# 1 "x.click"\na :: Idle;\n# 2 "x.click"\nDiscard@2 :: Discard;\n# 6 ""\na -> Discard@2;\n',
    );
  });
});

describe('libraries', () => {
  const files: Record<string, string> = {
    'a.click': 'require(library b.click) elementclass A { -> B -> }',
    'b.click': 'elementclass B { -> Null -> }',
  };
  const resolveLibrary = (name: string) =>
    files[name] === undefined ? undefined : { file: `lib/${name}`, text: files[name] };

  test('declare classes at the place of the require, once', () => {
    const text = 'require(library a.click, library "b.click") Idle -> A -> B -> Discard';
    expect(flatten(text, { resolveLibrary })).toContain('A@2/B@1/Null@1 :: Null;');
  });

  test('errors name the file they are in', () => {
    const diagnostics = new Diagnostics();
    const ast = parse('require(library l)', 'main', diagnostics);
    elaborate(ast, { resolveLibrary: () => ({ file: 'l.click', text: 'a ] b' }) }, diagnostics);
    expect(diagnostics.list.map(({ span }) => span!.source.file)).toEqual(['l.click']);
  });
});
