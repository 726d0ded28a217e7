/** Images of one router link, whatever classes they hold. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { findCompiler } from '../../../src/engine/fuse/compiler.ts';
import { buildImage, imagePlan } from '../../../src/engine/fuse/image.ts';
import { compilePlan } from '../../../src/engine/router.ts';
import { classTable } from '../../../src/engine/table.ts';
import { exampleOf } from '../../fuzz/examples.ts';
import { QUICK } from '../../quick.ts';

/** Error refuses to be configured: that is what it is for. */
const classes = [...classTable()].filter(
  (c) => c.targets.includes('guest') && !c.aliasOf && c.name !== 'Error',
);
const compiler = findCompiler();

const hostOnly = new Map(
  [...classTable()].filter((c) => !c.targets.includes('guest')).map((c) => [c.name, c.ports]),
);

/** Their examples, each a compound of its own; what only a host has is replaced. */
const driver = classes.findIndex((c) => c.name === 'DriverManager');
const everything = () =>
  classes
    .map((c, k) => {
      // Of driver scripts there is one.
      const example = exampleOf(c).text.replace(
        /DriverManager\(/,
        k === driver ? '$&' : 'Script(TYPE PASSIVE, ',
      );
      const text = example.replace(/\b([A-Z]\w+)(\([^()]*\))?/g, (all, name: string) => {
        const ports = hostOnly.get(name);
        if (ports === undefined) return all;
        return ports.startsWith('0') ? 'InfiniteSource' : /\/0(-1)?$/.test(ports) ? 'Discard' : 'Null';
      });
      return `elementclass Example${k} { ${text} }; example${k} :: Example${k};`;
    })
    .join('\n');

it.skipIf(!compiler)(
  `an image of all classes for guests links${compiler ? '' : ' (skipped: no C compiler)'}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clicklet-image-'));
    vi.stubEnv('CLICKLET_FUSE_CFLAGS', QUICK);
    vi.stubEnv('XDG_CACHE_HOME', folder);
    try {
      const configuration = compilePlan(everything(), 'all.click', { target: 'guest' });
      const used = new Set(configuration.graph.elements.map((e) => e.class.file));
      expect(classes.filter((c) => !used.has(c.file)).map((c) => c.name)).toEqual([]);
      const image = join(folder, 'image');
      await buildImage(configuration, image);
      expect(imagePlan(readFileSync(image))).toEqual(Buffer.from(configuration.plan));
    } finally {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    }
  },
);
