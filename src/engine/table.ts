/** The class table of this build, as the C side dumped it (src/generated/elements.json). */

import { existsSync, readFileSync } from 'node:fs';
import { ClassTable } from '../graph/class-table.ts';
import { packagePath } from './paths.ts';

let cached: ClassTable | undefined;

/** Load the table once. Throws with what to do when it was never generated. */
export function classTable(): ClassTable {
  if (cached) return cached;
  const file = packagePath('src', 'generated', 'elements.json');
  if (!existsSync(file)) throw new Error("the element table is missing: run 'npm run build:native' first");
  cached = ClassTable.fromText(readFileSync(file, 'utf8'));
  return cached;
}
