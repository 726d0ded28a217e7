import { expect, test } from 'vitest';
import { suggest } from '../../../src/lang/suggest.ts';

const names = ['Queue', 'Discard', 'Classifier', 'IPClassifier', 'Print'];

test.each([
  ['Discrad', " (did you mean 'Discard'?)"],
  ['queue', " (did you mean 'Queue'?)"],
  ['Clasifier', " (did you mean 'Classifier'?)"],
  ['PrintX', " (did you mean 'Print'?)"],
  ['Frobnicate', ''],
  ['Q', ''],
  ['', ''],
])('%s', (name, expected) => {
  expect(suggest(name, names)).toBe(expected);
});
