/** `clicklet align FILE`: the configuration with the Align elements it needs. */

import type { Command } from 'commander';
import { classTable } from '../engine/table.ts';
import { align } from '../graph/passes/align.ts';
import { Diagnostics } from '../lang/diagnostics.ts';
import { report } from './output.ts';
import { definitionsOnly, fileVerb, JSON_OPTION, readFlatFile, writeGraph } from './rewrite.ts';

export function alignCommand(): Command {
  return fileVerb('align', 'add the Align elements that machines without unaligned access need')
    .option(...JSON_OPTION)
    .option('--assertions', 'insert CheckAlign assertions, no Aligns')
    .action((file: string, words: string[], o) => {
      const { graph, archive } = readFlatFile(file, definitionsOnly(words));
      const diagnostics = new Diagnostics();
      const assertions = Boolean(o.assertions);
      const result = align(graph, { classes: classTable(), diagnostics, assertions });
      report(diagnostics.list);
      writeGraph(result, o, { archive });
    });
}
