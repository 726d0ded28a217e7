import { describe, expect, test } from 'vitest';
import { elaborate } from '../../../src/elaborate/index.ts';
import { Diagnostics } from '../../../src/lang/diagnostics.ts';
import { parse } from '../../../src/lang/parse.ts';

/** Arguments of the first element with configuration, each with the source text it is located at. */
function args(text: string): [text: string, source: string][] {
  const diagnostics = new Diagnostics();
  const graph = elaborate(parse(text, 'x', diagnostics), {}, diagnostics);
  expect(diagnostics.list).toEqual([]);
  const element = graph.elements.find((candidate) => candidate.configText !== '')!;
  return element.args.map(({ text, span }) => [text, span.source.text.slice(span.start, span.end)]);
}

describe('arguments know where they are written', () => {
  test('plain', () => {
    expect(args('X(1,  "a, b" /* c */ , K  v)')).toEqual([
      ['1', '1'],
      ['"a, b"', '"a, b"'],
      ['K  v', 'K  v'],
    ]);
  });

  test('with comments inside', () => {
    expect(args('X(a /* , */ b, // x\n c)')).toEqual([
      ['a b', 'a /* , */ b'],
      ['c', 'c'],
    ]);
  });

  test('around line directives', () => {
    expect(args('X(a,\n# 10 "y"\nb, c)')).toEqual([
      ['a', 'a'],
      ['b', 'b'],
      ['c', 'c'],
    ]);
  });

  test('through variables: what is substituted is located at the reference', () => {
    expect(args('define($a one, $b "long text, with comma", $c "1, 2, 3") X($a, x$b, y, z $a w)')).toEqual([
      ['one', '$a'],
      ['x"long text, with comma"', 'x$b'],
      ['y', 'y'],
      ['z one w', 'z $a w'],
    ]);
  });

  test('a variable that holds several arguments', () => {
    expect(
      args('A(1, 2) elementclass A { __REST__ $r | X(0, $r, 3) }'.replace(/^(.*?\)) (.*)$/, '$2 $1')),
    ).toEqual([
      ['0', '0'],
      ['1', '$r'],
      ['2', '$r'],
      ['3', '3'],
    ]);
  });
});

test('elements of compounds know where the compounds are used', () => {
  const text = 'elementclass A { b :: { Idle } }\na :: A';
  const graph = elaborate(parse(text, 'f', new Diagnostics()), {}, new Diagnostics());
  const [idle] = graph.elements;
  expect(idle!.name).toBe('a/b/Idle@1');
  expect(idle!.landmark).toBe('f:1');
  expect(idle!.via.map((span) => text.slice(span.start, span.end))).toEqual(['b', 'a']);
});
