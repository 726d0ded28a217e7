import { expect, test } from 'vitest';
import { assignArguments } from '../../../src/elaborate/overload.ts';

const parameters = (text: string) =>
  text === ''
    ? []
    : text.split(' ').map((word) => ({
        keyword: word === 'p' ? undefined : word === 'r' ? '__REST__' : word,
        name: word,
      }));

test.each<[string, string[], string[] | undefined]>([
  ['', [], []],
  ['', ['x'], undefined],
  ['p p', ['1', '2'], ['1', '2']],
  ['p p', ['1'], undefined],
  ['p p', ['1', '2', '3'], undefined],
  ['p K', ['1', 'K 2'], ['1', '2']],
  ['p K', ['1'], undefined],
  ['p K', ['1', '2'], undefined],
  ['p K', ['K 1', 'K 2'], ['K 1', '2']],
  ['K L', ['L 1', 'K 2'], ['2', '1']],
  ['p r', ['1'], ['1', '']],
  ['p r', ['1', '2', 'X 3'], ['1', '2, X 3']],
  ['p K r', ['1', 'a', 'K 2', 'b'], ['1', '2', 'a, b']],
  ['r', [], ['']],
  ['r', ['a', 'b'], ['a, b']],
])('%s takes %j', (formals, args, values) => {
  expect(assignArguments(parameters(formals), args)).toEqual(values);
});
