import { describe, expect, test } from 'vitest';
import { ClassTable } from '../../../src/graph/class-table.ts';
import { compile } from '../../../src/graph/compile.ts';
import type { ResolvedGraph } from '../../../src/graph/resolved-graph.ts';
import { classes } from './class-fixture.ts';

function errors(text: string): string[] {
  const { graph, diagnostics } = compile(text, 'x', { classes });
  expect(graph === undefined).toBe(diagnostics.hasErrors);
  return diagnostics.list.map(({ message, span }) => {
    const { line, column } = span!.source.locate(span!.start);
    return `${line}:${column} ${message}`;
  });
}

/** Processing of all ports, `inputs>outputs`, by element name; capitals for ports that were open. */
function processing(text: string): Record<string, string> {
  const { graph, diagnostics } = compile(text, 'x', { classes });
  expect(diagnostics.list).toEqual([]);
  const letters = (ports: ResolvedGraph['elements'][number]['inputs'], open: readonly boolean[]) =>
    ports.map((port, i) => (port === 'push' ? 'h' : 'l')[open[i] ? 'toUpperCase' : 'toLowerCase']()).join('');
  return Object.fromEntries(
    graph!.elements.map((element) => [
      element.name,
      `${letters(element.inputs, element.agnosticInputs)}>${letters(element.outputs, element.agnosticOutputs)}`,
    ]),
  );
}

describe('push and pull', () => {
  test('a queue separates them', () => {
    expect(processing('i :: Idle -> a :: Null -> q :: Queue -> b :: Null -> ToDevice(eth0)')).toEqual({
      i: '>H',
      a: 'H>H',
      q: 'h>l',
      b: 'L>L',
      'ToDevice@5': 'l>',
    });
  });

  test('agnostic ports left over are push', () => {
    expect(processing('i :: InfiniteSource -> n :: Null -> d :: Discard')).toEqual({
      i: '>H',
      n: 'H>H',
      d: 'H>',
    });
  });

  test('processing spreads against the text and the flow', () => {
    expect(
      processing(
        'c :: Null; b :: Null; a :: Null; c -> u :: Unqueue -> d :: Discard; b -> c; a -> b; q :: Queue -> a; Idle -> q',
      ),
    ).toMatchObject({
      a: 'L>L',
      b: 'L>L',
      c: 'L>L',
      u: 'l>h',
      d: 'H>',
    });
  });

  test('a second output may be push in a pull context', () => {
    expect(processing('Idle -> Queue -> d :: DecIPTTL -> ToDevice(x); d [1] -> Discard').d).toBe('L>Lh');
    expect(processing('Idle -> d :: DecIPTTL -> Discard; d [1] -> Discard').d).toBe('H>Hh');
  });

  test('flow codes keep unrelated ports apart', () => {
    // Idle's ports have nothing to do with each other.
    expect(processing('Idle -> i :: Idle -> ToDevice(x)').i).toBe('H>L');
    expect(
      processing('Idle -> e :: EqualPorts -> Discard; Idle -> Queue -> [1] e [1] -> ToDevice(x)').e,
    ).toBe('HL>HL');
  });
});

describe('errors', () => {
  test.each<[text: string, expected: string[]]>([
    [
      'Idle -> q1 :: Queue -> q2 :: Queue -> ToDevice(x)',
      ["1:21 'q1 :: Queue' pull output 0 connected to 'q2 :: Queue' push input 0"],
    ],
    [
      'Idle -> Queue -> n :: Null -> PushNull -> Discard',
      ["1:18 agnostic 'n :: Null' in mixed context: pull input 0, push output 0"],
    ],
    [
      'i :: PushNull -> ToDevice(x); Idle -> i',
      ["1:15 'i :: PushNull' push output 0 connected to 'ToDevice@2 :: ToDevice' pull input 0"],
    ],
    [
      'i :: InfiniteSource -> Print -> d :: Discard;\ni -> Print -> d',
      ["2:3 illegal reuse of 'i :: InfiniteSource' push output 0"],
    ],
    [
      'Idle -> Queue -> d :: ToDevice(x); Idle -> Queue -> d',
      ["1:50 illegal reuse of 'd :: ToDevice' pull input 0"],
    ],
    ['Idle -> p :: Print', ["1:9 'p :: Print' output 0 unused"]],
    ['p :: Print', ["1:1 'p :: Print' input 0 unused", "1:1 'p :: Print' output 0 unused"]],
    [
      'Idle -> c :: Classifier(a, b); c [2] -> Discard',
      ["1:9 'c :: Classifier' output 0 unused", "1:9 'c :: Classifier' output 1 unused"],
    ],
    [
      'q :: Queue; Idle -> q; q [2] -> Discard',
      [
        "1:1 'q :: Queue' output 0 unused",
        "1:1 'q :: Queue' output 1 unused",
        "1:30 'q :: Queue' has no output 2",
      ],
    ],
    ['Idle -> [1] d :: Discard', ["1:6 'd :: Discard' has no input 1", "1:13 'd :: Discard' input 0 unused"]],
    [
      'ARPQuerier -> Discard',
      ["1:1 'ARPQuerier@1 :: ARPQuerier' input 0 unused", "1:1 'ARPQuerier@1 :: ARPQuerier' input 1 unused"],
    ],
    ['Idle -> OneMore -> Discard', ["1:9 'OneMore@2 :: OneMore' output 1 unused"]],
    [
      'PollDevice(eth0) -> Discard',
      ["1:1 unknown element class 'PollDevice' (Click has it in the kernel only; here use FromDevice)"],
    ],
    ['Idle -> Hubb() -> Discard', ["1:9 unknown element class 'Hubb' (did you mean 'Hub'?)"]],
    ['AddressInfo(a 1.0.0.1); Idle -> Discard', []],
  ])('%j', (text, expected) => {
    expect(errors(text)).toEqual(expected);
  });

  test('elements must be compiled for the target', () => {
    const host = new ClassTable(
      [...classes].map((c) => (c.name === 'Print' ? { ...c, targets: ['host'] } : c)),
    );
    const text = 'Idle -> p :: Print -> Discard';
    const { diagnostics } = compile(text, 'x', { classes: host, target: 'guest' });
    expect(diagnostics.list.map(({ message }) => message)).toEqual([
      "'p :: Print' is not available on target 'guest', only on host",
    ]);
    expect(compile(text, 'x', { classes: host, target: 'host' }).diagnostics.list).toEqual([]);
  });

  test('notes lead from compounds to their use', () => {
    const { diagnostics } = compile('elementclass A { Idle -> Print }\na :: A', 'x', { classes });
    const [error] = diagnostics.list;
    expect(error!.message).toBe("'a/Print@2 :: Print' output 0 unused");
    expect(error!.notes.map(({ message, span }) => [message, span!.source.locate(span!.start).line])).toEqual(
      [['in the compound element declared here', 2]],
    );
  });

  test('several of different kinds are all reported', () => {
    const text = [
      'Idle -> Queue -> Queue -> ToDevice(x);',
      'p :: Print -> Discard;',
      'Idle -> q :: Queue -> ToDevice(y);',
      'q [2] -> Discard;',
    ].join('\n');
    expect(errors(text)).toEqual([
      "1:15 'Queue@2 :: Queue' pull output 0 connected to 'Queue@3 :: Queue' push input 0",
      "2:1 'p :: Print' input 0 unused",
      "3:9 'q :: Queue' output 1 unused",
      "4:7 'q :: Queue' has no output 2",
    ]);
  });

  test('unused ports are not reported for what is left of a broken file', () => {
    expect(errors('p :: Print;\np ? -> Discard;\nIdle -> Queue -> Queue -> ToDevice(x)')).toEqual([
      "2:3 syntax error near '?'",
      "3:15 'Queue@3 :: Queue' pull output 0 connected to 'Queue@4 :: Queue' push input 0",
    ]);
  });
});

test('more arguments than a plan can count are an error of the element', () => {
  const config = (n: number) => `Idle -> Discard;\nIdle(${Array(n).fill('1').join(', ')}) -> Discard;`;
  expect(errors(config(65_535))).toEqual([]);
  expect(errors(config(65_536))).toEqual([
    "2:1 'Idle@3 :: Idle' has 65536 arguments: at most 65535 are possible",
  ]);
});
