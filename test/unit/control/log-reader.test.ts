/** Following a log whose older lines are dropped meanwhile. */

import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LogReader } from '../../../src/cli/log-reader.ts';

let dir: string;
let log: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'clk-log-'));
  process.env.CLICKLET_STATE = dir;
  mkdirSync(join(dir, 'r'));
  log = join(dir, 'r', 'log');
});
afterEach(() => {
  delete process.env.CLICKLET_STATE;
  rmSync(dir, { recursive: true, force: true });
});
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}\n`).join('');

it('reads each line once, also when older ones are dropped', () => {
  const reader = new LogReader('r');
  expect(reader.read().toString()).toBe('');
  writeFileSync(log, numbers(1, 1000));
  expect(reader.read().toString()).toBe(numbers(1, 1000));
  expect(reader.read().toString()).toBe('');
  appendFileSync(log, 'line 1001\n');
  expect(reader.read().toString()).toBe('line 1001\n');
  writeFileSync(log, `[older lines were dropped]\n${numbers(500, 1010)}`);
  expect(reader.read().toString()).toBe(numbers(1002, 1010));
  // Of what it has read nothing is left: all of it is new.
  writeFileSync(log, numbers(2000, 2010));
  expect(reader.read().toString()).toBe(numbers(2000, 2010));
});

it('from now on is not what is there', () => {
  writeFileSync(log, numbers(1, 10));
  const reader = new LogReader('r', true);
  appendFileSync(log, 'next\n');
  expect(reader.read().toString()).toBe('next\n');
  rmSync(log);
  expect(reader.read().toString()).toBe('');
});
