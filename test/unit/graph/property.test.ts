import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { elaborate } from '../../../src/elaborate/index.ts';
import { compile } from '../../../src/graph/compile.ts';
import type { FlatGraph } from '../../../src/graph/flat-graph.ts';
import { printFlat } from '../../../src/graph/print-flat.ts';
import { quote } from '../../../src/lang/config-string.ts';
import { Diagnostics, formatDiagnostics } from '../../../src/lang/diagnostics.ts';
import { parse } from '../../../src/lang/parse.ts';
import { printAst } from '../../../src/lang/printer.ts';
import { classes } from './class-fixture.ts';

function flatten(text: string): FlatGraph {
  const diagnostics = new Diagnostics();
  const graph = elaborate(parse(text, 'x', diagnostics), {}, diagnostics);
  expect(formatDiagnostics(diagnostics)).toBe('');
  return graph;
}

/** A graph without positions. */
const shape = (graph: FlatGraph) => ({
  elements: graph.elements.map(({ name, className, configText }) => ({ name, className, configText })),
  connections: graph.connections.map(({ from, fromPort, to, toPort }) => [from, fromPort, to, toPort]),
  requirements: graph.requirements.map(({ type, value }) => ({ type, value })),
});

const names = fc.uniqueArray(fc.stringMatching(/^[a-z_][a-zA-Z0-9_@]{0,5}(\/[a-z]{1,3}[0-9]?)?$/), {
  minLength: 1,
  maxLength: 12,
});

const config = fc
  .array(fc.oneof(fc.string().map(quote), fc.stringMatching(/^[a-zA-Z0-9.:-]{1,8}( [a-z0-9]{1,4})?$/)), {
    maxLength: 3,
  })
  .map((args) => args.join(', '));

const graphs = names.chain((list) => {
  const port = fc.nat(3);
  const index = fc.nat(list.length - 1);
  return fc.record({
    elements: fc.tuple(
      ...list.map((name) => fc.tuple(fc.constant(name), fc.constantFrom('Queue', 'Tee', 'X1'), config)),
    ),
    connections: fc.uniqueArray(fc.tuple(index, port, index, port), { selector: String, maxLength: 30 }),
    requirements: fc.array(
      fc.record({ type: fc.constant('package'), value: fc.stringMatching(/^[a-z]{1,5}$/) }),
      {
        maxLength: 2,
      },
    ),
  });
});

describe('flat graphs', () => {
  test('print, parse and elaborate to the same graph', () => {
    fc.assert(
      fc.property(graphs, ({ elements, connections, requirements }) => {
        const graph = {
          elements: elements.map(([name, className, configText]) => ({
            name,
            className,
            configText,
            landmark: 'x:1',
          })),
          connections: connections
            .map(([from, fromPort, to, toPort]) => ({ from, fromPort, to, toPort }))
            .sort((a, b) => a.to - b.to || a.toPort - b.toPort || a.from - b.from || a.fromPort - b.fromPort),
          requirements,
          definitions: [],
        } as unknown as FlatGraph;
        const text = printFlat(graph);
        expect(shape(flatten(text))).toEqual(shape(graph));
        expect(printFlat(flatten(text))).toBe(text);
      }),
    );
  });
});

// ---- Random configurations

const name = fc.constantFrom('a', 'b', 'c/d', 'Queue', 'Tee', 'Idle', 'input', 'output', 'x@1');
const ports = fc.constantFrom('', '', '', '[0]', '[1, 2]', '[0-2]', '[]', '[1,]');
const argument = fc.constantFrom('1', '"s, t"', "'q'", '$v', 'a /* c */ b', 'K v', '\\<00 ff>', '(x, y)');
const comment = fc.constantFrom('', '', '', ' // note\n', ' /* note */ ', '\n');

const { statements } = fc.letrec<{ statements: string; statement: string; element: string; body: string }>(
  (tie) => ({
    statements: fc
      .array(fc.tuple(tie('statement'), comment), { maxLength: 4 })
      .map((list) => list.flat().join(';')),
    statement: fc.oneof(
      { depthSize: 'xsmall', withCrossShrink: true },
      fc
        .tuple(
          fc.array(tie('element'), { minLength: 1, maxLength: 4 }),
          fc.constantFrom(' -> ', '=>', ', ', '\n->'),
          comment,
        )
        .map(([elements, joint, note]) => elements.join(note + joint)),
      fc.tuple(name, argument).map(([key, value]) => `define($${key[0]} ${value})`),
      fc.tuple(name, tie('body')).map(([key, body]) => `elementclass ${key} {${body}}`),
    ),
    element: fc.oneof(
      { depthSize: 'xsmall', withCrossShrink: true },
      fc.tuple(ports, name, ports).map((parts) => parts.join(' ')),
      fc
        .tuple(name, name, fc.array(argument, { maxLength: 3 }))
        .map(([a, b, args]) => `${a} :: ${b}(${args.join(', ')})`),
      fc.tuple(name, tie('body'), ports).map(([a, body, after]) => `${a} :: {${body}} ${after}`),
      tie('statements').map((inner) => `(${inner})`),
    ),
    body: fc
      .tuple(
        fc.constantFrom('', '$a | ', '$a, K $b | ', '__REST__ $r |', '|'),
        tie('statements'),
        fc.boolean(),
      )
      .map(([formals, inner, again]) => (again ? `${formals}${inner} || ${inner}` : formals + inner)),
  }),
);

const positions = new Set(['span', 'arrowSpan', 'cuts', 'source', 'commentRanges']);
const withoutPositions = (ast: unknown) =>
  JSON.stringify(ast, (key, value) => (positions.has(key) ? undefined : value));

describe('configurations', () => {
  test('format to text with the same tree, and formatting again changes nothing', () => {
    fc.assert(
      fc.property(statements, (text) => {
        const diagnostics = new Diagnostics();
        const ast = parse(text, 'x', diagnostics);
        if (diagnostics.hasErrors) return;
        const printed = printAst(ast);
        const again = parse(printed, 'x', diagnostics);
        expect(formatDiagnostics(diagnostics)).toBe('');
        expect(withoutPositions(again)).toBe(withoutPositions(ast));
        expect(printAst(again)).toBe(printed);
        const comments = (value: string) => value.match(/\bnote\b/g)?.length;
        expect(comments(printed)).toBe(comments(text));
      }),
      { numRuns: 150 },
    );
  });

  test('elaborate to graphs that flatten to themselves', () => {
    fc.assert(
      fc.property(statements, (text) => {
        const diagnostics = new Diagnostics();
        const graph = elaborate(parse(text, 'x', diagnostics), {}, diagnostics);
        if (diagnostics.hasErrors) return;
        expect(shape(flatten(printFlat(graph)))).toEqual(shape(graph));
      }),
      { numRuns: 150 },
    );
  });
});

describe('any text', () => {
  const token = fc.constantFrom(
    ...[
      '->',
      '=>',
      '::',
      ':',
      '{',
      '}',
      '(',
      ')',
      '[',
      ']',
      '|',
      '||',
      '...',
      ',',
      ';',
      '$x',
      '"',
      "'",
      '\\<',
      '/*',
    ],
    ...[
      '*/',
      '//',
      '\n',
      '\r\n',
      '# 3 "f"\n',
      'elementclass ',
      'require',
      'define(',
      'Queue',
      'Idle',
      'a',
      'a/b',
      '0',
      '-',
    ],
  );
  const soup = fc
    .array(fc.oneof(token, token, token, fc.string({ maxLength: 3 })), { maxLength: 60 })
    .map((list) => list.join(' '));

  test('compiles to a graph or to errors with places, and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(soup, fc.string(), fc.string({ unit: 'binary' })), (text) => {
        const { graph, diagnostics } = compile(text, 'x', { classes });
        expect(graph === undefined).toBe(diagnostics.hasErrors);
        for (const { span } of diagnostics.list) {
          expect(span!.start).toBeGreaterThanOrEqual(0);
          expect(span!.start).toBeLessThanOrEqual(text.length);
        }
        expect(formatDiagnostics(diagnostics)).not.toContain('undefined');
      }),
      { numRuns: 500 },
    );
  });
});
