/** `clicklet undead FILE`: the configuration without dead code. */

import type { Command } from 'commander';
import { classTable } from '../engine/table.ts';
import { undead } from '../graph/passes/undead.ts';
import { Diagnostics } from '../lang/diagnostics.ts';
import { CliError, report } from './output.ts';
import { definitionsOnly, fileVerb, JSON_OPTION, readFlatFile, writeGraph } from './rewrite.ts';

export function undeadCommand(): Command {
  return fileVerb('undead', 'remove elements that no packet can pass, and redundant ones')
    .option(...JSON_OPTION)
    .option('--verbose', 'say what is removed, and why')
    .action((file: string, words: string[], o) => {
      const { graph, archive } = readFlatFile(file, definitionsOnly(words));
      const diagnostics = new Diagnostics();
      const result = undead(graph, { classes: classTable(), diagnostics, verbose: Boolean(o.verbose) });
      report(diagnostics.list);
      if (!result) throw new CliError(`${file}: no live elements in the configuration`);
      const left = new Set(result.elements.map((e) => e.name));
      const removed = graph.elements.map((e) => e.name).filter((name) => !left.has(name));
      writeGraph(result, o, { archive, json: { removed } });
    });
}
