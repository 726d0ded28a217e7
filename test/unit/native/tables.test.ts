/**
 * The C tests of the routing table, of decision graphs, and of filters of many rules: each compares with a plain
 * search through what the table or graph was made from, on random input from a fixed seed, and prints SUCCESS.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packagePath } from '../../../src/engine/paths.ts';

for (const [name, rounds] of [
  ['iproutes', '80'],
  ['classify', '600'],
  ['ipfilter', '240'],
] as const) {
  const program = join(packagePath('build'), `test-${name}`);
  it.skipIf(!existsSync(program))(name, () => {
    const { status, stdout, stderr } = spawnSync(program, [rounds], { encoding: 'utf8', timeout: 50_000 });
    expect(stderr).toBe('');
    expect(stdout).toMatch(new RegExp(`^SUCCESS ${rounds} `));
    expect(status).toBe(0);
  });
}
