import { expect, test } from 'vitest';
import { compile } from '../../../src/graph/compile.ts';
import { printFlat } from '../../../src/graph/print-flat.ts';
import { classes } from './class-fixture.ts';

// No times are asserted: growth that is not linear would not finish here.

test('a chain of a hundred thousand elements, backwards', () => {
  const count = 100_000;
  const lines = ['Idle -> Queue -> e0 :: Null;'];
  for (let i = 1; i < count; i++) lines.push(`e${i} :: Null;`);
  for (let i = count - 1; i > 0; i--) lines.push(`e${i - 1} -> e${i};`);
  lines.push(`e${count - 1} -> ToDevice(x);`);
  const { graph, diagnostics } = compile(lines.join('\n'), 'x', { classes });
  expect(diagnostics.list).toEqual([]);
  expect(graph!.elements).toHaveLength(count + 3);
  expect(graph!.elements.at(-2)!.outputs).toEqual(['pull']);
  expect(printFlat(graph!).length).toBeGreaterThan(count * 20);
});

test('thirty thousand instances of a compound', () => {
  const uses = Array.from({ length: 30_000 }, (_, i) => `A(x${i}, "y ${i}")`).join('\n-> ');
  const text = `elementclass A { $x, $y | input -> Print($x) -> c :: Counter -> Print("$y") -> output }\nIdle -> ${uses} -> Discard`;
  const { graph, diagnostics } = compile(text, 'x', { classes });
  expect(diagnostics.list).toEqual([]);
  expect(graph!.elements).toHaveLength(90_002);
});

test('a wide fan-in and fan-out', () => {
  const lines = ['t :: Tee; h :: Hub; Idle -> t; q :: Queue -> ToDevice(x);'];
  for (let i = 0; i < 20_000; i++) lines.push(`t [${i}] -> Null -> q;`);
  for (let i = 0; i < 2_000; i++) lines.push(`Idle -> [${i}] h [${i}] -> Discard;`);
  const { graph, diagnostics } = compile(lines.join('\n'), 'x', { classes });
  expect(diagnostics.list).toEqual([]);
  expect(graph!.connections).toHaveLength(1 + 1 + 40_000 + 4_000);
});
