/** Where the parts of an installed or checked-out Clicklet are. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of our package.json, found upwards from this module (it may be bundled into dist/). */
export const packageRoot = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(from: string): string {
  for (let dir = from; ; dir = dirname(dir)) {
    const file = join(dir, 'package.json');
    if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'clicklet')
      return dir;
    if (dirname(dir) === dir)
      throw new Error('clicklet: package.json not found: the installation is damaged');
  }
}

/** A path inside the package. */
export const packagePath = (...parts: string[]): string => join(packageRoot, ...parts);

/** The version of this package. */
export const version: string = (
  JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }
).version;
