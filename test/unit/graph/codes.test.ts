import { describe, expect, test } from 'vitest';
import { flowFrom, parsePortCount, portProcessing, portsFor } from '../../../src/graph/codes.ts';

describe('port count codes', () => {
  test.each<[code: string, used: [number, number], ports: [number, number]]>([
    ['1/1', [0, 0], [1, 1]],
    ['1/1', [3, 2], [1, 1]],
    ['1/1-2', [1, 0], [1, 1]],
    ['1/1-2', [1, 2], [1, 2]],
    ['1/1-2', [1, 5], [1, 2]],
    ['-/-', [0, 4], [0, 4]],
    ['-', [2, 4], [2, 4]],
    ['2-/-3', [0, 7], [2, 3]],
    ['1/=', [1, 5], [1, 1]],
    ['1-/=', [4, 0], [4, 4]],
    ['1-/=+', [2, 0], [2, 3]],
    ['-/=++', [0, 9], [0, 2]],
    ['3', [0, 0], [3, 3]],
    ['0/0', [1, 1], [0, 0]],
    ['0-1/1', [5, 0], [1, 1]],
  ])('%s with %j in use', (code, used, ports) => {
    expect(portsFor(parsePortCount(code), ...used)).toEqual(ports);
  });

  test.each(['x/1', '1/y', '=/1', '1/1/1', '1/=-'])('%s is none', (code) => {
    expect(() => parsePortCount(code)).toThrow(`bad port count code '${code}'`);
  });
});

describe('processing codes', () => {
  test.each<[code: string, inputs: string, outputs: string]>([
    ['a/ah', 'aaa', 'ahh'],
    ['h/l', 'hhh', 'lll'],
    ['hl/hlh', 'hll', 'hlh'],
    ['a', 'aaa', 'aaa'],
    ['h~/l~', 'hhh', 'lll'],
    ['', 'aaa', 'aaa'],
    ['/h', 'aaa', 'hhh'],
  ])('%s', (code, inputs, outputs) => {
    const letters = portProcessing(code, 3, 3).map((side) =>
      side.map((processing) => ({ push: 'h', pull: 'l', agnostic: 'a' })[processing]).join(''),
    );
    expect(letters).toEqual([inputs, outputs]);
  });

  test('no ports, no processing', () => {
    expect(portProcessing('h/l', 0, 0)).toEqual([[], []]);
  });
});

describe('flow codes', () => {
  test.each<[code: string, flows: string[]]>([
    ['x/x', ['111', '111', '111']],
    ['', ['111', '111', '111']],
    ['x/y', ['000', '000', '000']],
    ['xy/x', ['111', '000', '000']],
    ['xy/xy', ['100', '011', '011']],
    ['x/xy', ['100', '100', '100']],
    ['#/#', ['100', '010', '001']],
    ['#/[^#]', ['011', '101', '110']],
    ['[xy]/xyz', ['110', '110', '110']],
    ['x/[^x]', ['000', '000', '000']],
    ['[^x]/[^y]', ['111', '111', '111']],
    ['x[yz]/x#[y#]', ['100', '001', '001']],
    ['xx', ['111', '111', '111']],
  ])('%s', (code, flows) => {
    const found = [0, 1, 2].map((input) => flowFrom(code, input, 3).map(Number).join(''));
    expect(found).toEqual(flows);
  });
});
