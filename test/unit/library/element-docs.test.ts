/** docs/elements/ is what `npm run docs` makes of the element sources, and leaves no element out. */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { classTable } from '../../../src/engine/table.ts';
import { root } from '../../system/hosts.ts';

it('element pages are up to date', () => {
  const words = [join(root, 'scripts/element-docs.mjs'), '--check'];
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

it('every element class is on a page', () => {
  const folder = join(root, 'docs/elements');
  const pages = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
  const words = new Set(pages.join('\n').match(/\w+/g));
  expect([...classTable().names()].filter((name) => !words.has(name))).toEqual([]);
});
