import { describe, expect, test } from 'vitest';
import { ClassTable } from '../../../src/graph/class-table.ts';

const load = (...list: unknown[]) => ClassTable.fromJson({ version: 1, classes: list });

describe('ClassTable', () => {
  test('text: a class on a line of its own is read when it is asked for', () => {
    const lines = ['{"name":"A","ports":"1/1"}', '{"name":"B","ports":"oops"}'];
    const table = ClassTable.fromText(`{"version":1,"classes":[\n${lines.join(',\n')}\n]}\n`);
    expect([table.size, table.has('B'), [...table.names()]]).toEqual([2, true, ['A', 'B']]);
    expect(table.get('A')).toMatchObject({ name: 'A', ports: '1/1', processing: 'a/a' });
    expect(table.get('A')).toBe(table.get('A'));
    expect(() => table.get('B')).toThrow("class 'B': bad port count code 'oops'");
    const other = JSON.stringify({ version: 1, classes: [{ name: 'C', ports: '0/0' }] }, null, 1);
    expect(ClassTable.fromText(other).get('C')?.ports).toBe('0/0');
    expect(() => ClassTable.fromText('{"version":2,"classes":[\n]}')).toThrow('expected { "version": 1');
  });

  test('fills in what a class leaves out, and keeps what it adds', () => {
    const table = load({ name: 'X', ports: '1/1', extra: 7 });
    expect(table.get('X')).toEqual({
      name: 'X',
      ports: '1/1',
      extra: 7,
      file: '',
      processing: 'a/a',
      flow: 'x/x',
      flags: '',
      targets: ['host', 'guest'],
      args: [],
      handlers: [],
      argsChecked: true,
      ordered: false,
    });
    expect([table.has('X'), table.has('Y'), table.get('Y'), table.size]).toEqual([true, false, undefined, 1]);
    expect([...table].map(({ name }) => name)).toEqual(['X']);
    expect([...table.names()]).toEqual(['X']);
  });

  test.each<[unknown, string]>([
    [null, 'element class table: expected { "version": 1, "classes": [...] }'],
    [{ version: 2, classes: [] }, 'element class table: expected { "version": 1, "classes": [...] }'],
    [
      { version: 1, classes: [{ ports: '1/1' }] },
      "element class table: class number 0: field 'name' should be string",
    ],
    [
      { version: 1, classes: [{ name: 'X' }] },
      "element class table: class 'X': field 'ports' should be string",
    ],
    [
      { version: 1, classes: [{ name: 'X', ports: '0/0', args: {} }] },
      "element class table: class 'X': field 'args' should be array",
    ],
    [
      { version: 1, classes: [{ name: 'X', ports: '1/1/1' }] },
      "element class table: class 'X': bad port count code '1/1/1'",
    ],
  ])('%j', (json, message) => {
    expect(() => ClassTable.fromJson(json)).toThrow(message);
  });
});
