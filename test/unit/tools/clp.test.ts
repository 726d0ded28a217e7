/** Options as Click's commands read them. */

import { describe, expect, it } from 'vitest';
import { type OptionSpec, readOptions } from '../../../src/cli/tools/clp.ts';

const SPECS: OptionSpec[] = [
  { id: 'file', long: 'file', short: 'f', value: 'string' },
  { id: 'filter', long: 'filter', short: 'p' },
  { id: 'warnings', long: 'warnings', negatable: true },
  { id: 'config', long: 'config', short: 'c', negatable: true },
  { id: 'threads', long: 'threads', short: 'j', value: 'int' },
  { id: 'affinity', long: 'affinity', short: 'a', value: 'int', optional: true },
];

const read = (...words: string[]) =>
  [...readOptions(words, SPECS, { plusNegates: true })].map(({ id, value, negated }) =>
    [id ?? 'word', ...(value === undefined ? [] : [value]), ...(negated ? ['negated'] : [])].join(' '),
  );

describe('options', () => {
  it('values: next word, after =, attached', () => {
    expect(read('--file', 'a', '--file=b', '-fc', '-f', 'd')).toEqual([
      'file a',
      'file b',
      'file c',
      'file d',
    ]);
  });

  it('unique prefixes, clusters, words anywhere, -- ends options', () => {
    expect(read('--thr=2', 'x', '-pcf', 'y', '--', '-p')).toEqual([
      'threads 2',
      'word x',
      'filter',
      'config',
      'file y',
      'word -p',
    ]);
    expect(read('-')).toEqual(['word -']);
  });

  it('negation with --no- and +', () => {
    expect(read('--no-warnings', '--no-warn', '+c')).toEqual([
      'warnings negated',
      'warnings negated',
      'config negated',
    ]);
  });

  it('an optional value is only ever attached', () => {
    expect(read('-a', '3', '-a3', '--affinity=4')).toEqual([
      'affinity',
      'word 3',
      'affinity 3',
      'affinity 4',
    ]);
  });

  it('mistakes', () => {
    expect(() => read('--foo')).toThrow("unrecognized option '--foo'");
    expect(() => read('-Z')).toThrow("unrecognized option '-Z'");
    expect(() => read('--fil')).toThrow("option '--fil' is ambiguous\n(Could be '--file', '--filter'.)");
    expect(() => read('-f')).toThrow("'-f' requires an argument");
    expect(() => read('-jx')).toThrow("'-j' expects an integer, not 'x'");
    expect(() => read('--filter=1')).toThrow("'--filter' can't take an argument");
  });
});
