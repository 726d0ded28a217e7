/** The handlers that the middleboxes' comments tell people to use are there. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Router } from '../../../src/engine/router.ts';
import { root } from '../../system/hosts.ts';

const folder = join(root, 'configs', 'middleboxes');
const told = readdirSync(folder)
  .filter((file) => file.endsWith('.click'))
  .flatMap((file) =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(/^\/\/ +clicklet handler \S+ (\S+)\.(\w+)/gm)].map(
      ([, element, handler]) => [file, element!, handler!] as const,
    ),
  );

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'clk-handlers-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it.each(told)('%s: %s.%s', async (file, element, handler) => {
  const ports = [0, 1, 2, 3].map((n) => `vhost-user:${dir}/${n}`);
  const router = await Router.create(readFileSync(join(folder, file), 'utf8'), { file, ports });
  try {
    const names = (await router.read(`${element}.handlers`)).split('\n').map((line) => line.split('\t')[0]);
    expect(names).toContain(handler);
  } finally {
    router.close();
  }
});

it('there are some', () => expect(told.length).toBeGreaterThan(10));
