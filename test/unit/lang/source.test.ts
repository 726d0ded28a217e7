import { describe, expect, test } from 'vitest';
import { join, landmark, Source } from '../../../src/lang/source.ts';

describe('Source', () => {
  test('lines end with LF, CRLF or CR', () => {
    const source = new Source('a\nb\r\nc\rd', 'f');
    expect(['a', 'b', 'c', 'd'].map((c) => source.locate(source.text.indexOf(c)).line)).toEqual([1, 2, 3, 4]);
    expect(source.locate(5)).toEqual({ file: 'f', line: 3, column: 1 });
    expect(source.lineAt(2)).toEqual({ text: 'b', start: 2 });
  });

  test('offsets outside the text are clamped', () => {
    const source = new Source('ab\n', 'f');
    expect(source.locate(-5)).toEqual({ file: 'f', line: 1, column: 1 });
    expect(source.locate(99)).toEqual({ file: 'f', line: 2, column: 1 });
    expect(new Source('', 'f').locate(0)).toEqual({ file: 'f', line: 1, column: 1 });
  });

  test('line markers name the file and line of what follows', () => {
    const source = new Source('a\n# 100 "x.click"\nb\nc\n# 7\nd\n# 1 ""\ne', 'f');
    source.setLineMarkers([
      { offset: 2, line: 100, file: 'x.click' },
      { offset: source.text.indexOf('# 7'), line: 7, file: undefined },
      { offset: source.text.indexOf('# 1 ""'), line: 1, file: '' },
    ]);
    const at = (c: string) => {
      const { file, line } = source.locate(source.text.lastIndexOf(c));
      return `${file}:${line}`;
    };
    expect([at('a'), at('b'), at('\nd'), at('d'), at('e')]).toEqual([
      'f:1',
      'x.click:100',
      'x.click:102',
      'x.click:7',
      'f:1',
    ]);
  });

  test('landmark and join', () => {
    const source = new Source('ab\ncd', 'f');
    const span = (start: number, end: number) => ({ source, start, end });
    expect(landmark(span(4, 5))).toBe('f:2');
    expect(join(span(0, 1), span(3, 5))).toEqual(span(0, 5));
  });
});
