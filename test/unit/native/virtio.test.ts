/** The C tests of virtqueues, vhost-user, the guest's network driver and its allocator: built with everything else, each prints SUCCESS. */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packagePath } from '../../../src/engine/paths.ts';

for (const name of ['virtio_rings', 'virtio_vhost', 'guest_pages', 'guest_net']) {
  const program = join(packagePath('build'), `test-${name}`);
  it.skipIf(!existsSync(program))(name, () => {
    const { status, stdout, stderr } = spawnSync(program, { encoding: 'utf8', timeout: 50_000 });
    expect(stderr).toBe('');
    expect(stdout).toBe('SUCCESS\n');
    expect(status).toBe(0);
  });
}
