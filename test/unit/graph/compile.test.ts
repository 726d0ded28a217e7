import { describe, expect, test } from 'vitest';
import { compile } from '../../../src/graph/compile.ts';
import { GraphIndex } from '../../../src/graph/queries.ts';
import { formatDiagnostics } from '../../../src/lang/diagnostics.ts';
import { classes } from './class-fixture.ts';

describe('compile', () => {
  test('a router', () => {
    const text = 'src :: InfiniteSource(LIMIT $n)\n  -> c :: Counter\n  -> Discard;';
    const { graph, diagnostics } = compile(text, 'r.click', { classes, variables: { n: '5' } });
    expect(diagnostics.list).toEqual([]);
    expect(
      graph!.elements.map(({ name, className, configText, landmark }) => [
        name,
        className,
        configText,
        landmark,
      ]),
    ).toEqual([
      ['src', 'InfiniteSource', 'LIMIT 5', 'r.click:1'],
      ['c', 'Counter', '', 'r.click:2'],
      ['Discard@3', 'Discard', '', 'r.click:3'],
    ]);
    expect(graph!.connections.map(({ from, fromPort, to, toPort }) => [from, fromPort, to, toPort])).toEqual([
      [0, 0, 1, 0],
      [1, 0, 2, 0],
    ]);
    expect(graph!.elements[0]!.class.name).toBe('InfiniteSource');
  });

  test('five errors of five kinds in one file, all reported, each with its line', () => {
    const text = [
      'src :: InfiniteSource;',
      'c : Counter;',
      'src -> q :: Queue -> Queue(5) -> ToDevice(eth0);',
      'elementclass Twice { input -> Print -> Pritn(x) -> output }',
      'a :: Idle -> Twice -> [1] Discard;',
      'src -> missing;',
      '',
    ].join('\n');
    const { graph, diagnostics } = compile(text, 'five.click', { classes });
    expect(graph).toBeUndefined();
    expect(formatDiagnostics(diagnostics)).toMatchInlineSnapshot(`
      "five.click:2:3: error: syntax error near ':' (did you mean '::'?)
      c : Counter;
        ^
      five.click:3:19: error: 'q :: Queue' pull output 0 connected to 'Queue@4 :: Queue' push input 0
      src -> q :: Queue -> Queue(5) -> ToDevice(eth0);
                        ^~
      five.click:3:8: note: 'q' declared here
      src -> q :: Queue -> Queue(5) -> ToDevice(eth0);
             ^
      five.click:3:22: note: 'Queue@4' declared here
      src -> q :: Queue -> Queue(5) -> ToDevice(eth0);
                           ^~~~~
      five.click:4:40: error: unknown element class 'Pritn' (did you mean 'Print'?)
      elementclass Twice { input -> Print -> Pritn(x) -> output }
                                             ^~~~~
      five.click:5:20: error: 'Discard@8 :: Discard' has no input 1
      a :: Idle -> Twice -> [1] Discard;
                         ^~
      five.click:5:27: note: declared here; ports of Discard are 1/0
      a :: Idle -> Twice -> [1] Discard;
                                ^~~~~~~
      five.click:6:5: error: illegal reuse of 'src :: InfiniteSource' push output 0
      src -> missing;
          ^~
      five.click:3:5: note: first connected here
      src -> q :: Queue -> Queue(5) -> ToDevice(eth0);
          ^~
      five.click:1:1: note: 'src' declared here
      src :: InfiniteSource;
      ^~~
      five.click:6:8: error: undeclared element 'missing'
      src -> missing;
             ^~~~~~~
      "
    `);
  });

  test('positions follow line markers', () => {
    const { diagnostics } = compile('a :: Idle;\n# 40 "gen.m4"\nb :: Nope;\n', 'x', { classes });
    expect(formatDiagnostics(diagnostics)).toBe(
      "gen.m4:40:6: error: unknown element class 'Nope'\nb :: Nope;\n     ^~~~\n",
    );
  });
});

describe('GraphIndex', () => {
  const { graph } = compile(
    't :: Tee; Idle -> a :: Null -> t; t -> b :: Null -> d1 :: Discard; t [1] -> Discard; t [2] -> Hub => Discard',
    'x',
    { classes },
  );
  const index = new GraphIndex(graph!);
  const names = (elements: readonly { name: string }[]) => elements.map(({ name }) => name);

  test('by name and class', () => {
    expect(index.byName('a')!.className).toBe('Null');
    expect(index.byName('zzz')).toBeUndefined();
    expect(names(index.byClass('Null'))).toEqual(['a', 'b']);
    expect(index.byClass('Nope')).toEqual([]);
  });

  test('neighbours', () => {
    const tee = index.byName('t')!.index;
    expect(names(index.upstream(tee))).toEqual(['a']);
    expect(names(index.downstream(tee))).toEqual(['b', 'Discard@6', 'Hub@7']);
    expect(names(index.downstream(tee, 1))).toEqual(['Discard@6']);
    expect(index.connectionsOutOf(tee, 7)).toEqual([]);
    expect(index.connectionsInto(tee)).toHaveLength(1);
  });
});
