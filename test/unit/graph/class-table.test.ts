import { describe, expect, test } from 'vitest';
import { ClassTable } from '../../../src/graph/class-table.ts';

const load = (...list: unknown[]) => ClassTable.fromJson({ version: 1, classes: list });

describe('ClassTable', () => {
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
