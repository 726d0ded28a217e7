/** What `require(package NAME)` may ask for: this build has no packages, but it has features and element classes. */

import type { FlatGraph } from '../graph/flat-graph.ts';
import { type Diagnostic, Diagnostics } from '../lang/diagnostics.ts';
import { classTable } from './table.ts';

/** What the reference calls features of a build, where this one has them. */
export const FEATURES: readonly string[] = ['userlevel', 'int64', 'ip6', 'analysis', 'linux', 'x86_64'];

/** The requirements of a configuration that are not met. */
export function checkRequirements({ requirements }: FlatGraph): readonly Diagnostic[] {
  const diagnostics = new Diagnostics();
  for (const { type, value, span } of requirements)
    if (type === 'package' && !FEATURES.includes(value) && !classTable().has(value))
      diagnostics.error(span, `requirement '${value}' not available`);
  return diagnostics.list;
}
