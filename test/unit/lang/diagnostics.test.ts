import { describe, expect, test } from 'vitest';
import { Diagnostics, formatDiagnostics } from '../../../src/lang/diagnostics.ts';
import { Source } from '../../../src/lang/source.ts';

const source = new Source('first :: Queue;\n\tsecond -> third;\n', 'x.click');
const span = (text: string) => {
  const start = source.text.indexOf(text);
  return { source, start, end: start + text.length };
};

describe('formatDiagnostics', () => {
  test('place, message, source line, caret, notes', () => {
    const diagnostics = new Diagnostics();
    diagnostics.error(span('third'), "no such thing 'third'", [
      { message: 'first declared here', span: span('first') },
    ]);
    expect(formatDiagnostics(diagnostics)).toBe(
      [
        "x.click:2:12: error: no such thing 'third'",
        '\tsecond -> third;',
        '\t          ^~~~~',
        'x.click:1:1: note: first declared here',
        'first :: Queue;',
        '^~~~~',
        '',
      ].join('\n'),
    );
  });

  test('without a place only the message', () => {
    const diagnostics = new Diagnostics();
    diagnostics.warning(undefined, 'careful');
    expect(formatDiagnostics(diagnostics)).toBe('warning: careful\n');
    expect(diagnostics.hasErrors).toBe(false);
  });

  test('colour only when asked for', () => {
    const diagnostics = new Diagnostics();
    diagnostics.error(span('first'), 'bad');
    expect(formatDiagnostics(diagnostics)).not.toContain('\x1b[');
    expect(formatDiagnostics(diagnostics, { color: true })).toContain('\x1b[31m');
  });

  test('a span over several lines is marked on the first', () => {
    const diagnostics = new Diagnostics();
    diagnostics.error({ source, start: 6, end: 30 }, 'long');
    expect(formatDiagnostics(diagnostics).split('\n')[2]).toBe('      ^~~~~~~~~');
  });

  test('long lines are cut around the caret', () => {
    const long = new Source(`${'a'.repeat(5000)}X${'b'.repeat(5000)}`, 'long');
    const diagnostics = new Diagnostics();
    diagnostics.error({ source: long, start: 5000, end: 5001 }, 'here');
    const [, line, caret] = formatDiagnostics(diagnostics).split('\n');
    expect(line!.length).toBeLessThan(200);
    expect(line![caret!.indexOf('^')]).toBe('X');
  });
});

describe('Diagnostics', () => {
  test('counts what it does not keep', () => {
    const diagnostics = new Diagnostics();
    for (let i = 0; i < 1500; i++) diagnostics.error(undefined, `e${i}`);
    expect([diagnostics.errorCount, diagnostics.list.length, diagnostics.dropped]).toEqual([1500, 1000, 500]);
    expect(formatDiagnostics(diagnostics)).toMatch(/500 more messages not shown\n$/);
  });

  test('sorts by place, source by source', () => {
    const other = new Source('text', 'other');
    const diagnostics = new Diagnostics();
    diagnostics.error(span('third'), 'c');
    diagnostics.error({ source: other, start: 0, end: 1 }, 'd');
    diagnostics.error(span('first'), 'b');
    diagnostics.error(undefined, 'a');
    diagnostics.sort();
    expect(diagnostics.list.map((diagnostic) => diagnostic.message)).toEqual(['a', 'b', 'c', 'd']);
  });
});
