/** `clicklet xform FILE -p PATTERNS`: patterns of elements replaced by other elements. */

import type { Command } from 'commander';
import { ConfigurationError } from '../engine/router.ts';
import { readPatterns, xform } from '../graph/passes/xform.ts';
import { Diagnostics } from '../lang/diagnostics.ts';
import { definitionsOnly, fileVerb, JSON_OPTION, readFlatFile, writeGraph } from './rewrite.ts';
import { readRouter } from './tools/read.ts';

export function xformCommand(): Command {
  return fileVerb('xform', 'replace patterns: what looks like class X becomes class X_Replacement')
    .requiredOption(
      '-p, --patterns <file>',
      'file of compound classes X and X_Replacement; may be given again',
      (file: string, before: string[] = []) => [...before, file],
    )
    .option('--reverse', 'replace what looks like the replacement by the pattern')
    .option(...JSON_OPTION)
    .action((file: string, words: string[], o) => {
      const diagnostics = new Diagnostics();
      const files: string[] = o.patterns;
      const read = files.flatMap((name) => readPatterns(readRouter({ file: name }).text, name, diagnostics));
      if (diagnostics.hasErrors) throw new ConfigurationError(diagnostics.list);
      const reversed = () =>
        read.map((p) => ({ ...p, pattern: p.replacement, replacement: p.pattern })).reverse();
      const { graph, archive } = readFlatFile(file, definitionsOnly(words));
      const result = xform(graph, o.reverse ? reversed() : read);
      writeGraph(result.graph, o, { archive, json: { replacements: result.count } });
    });
}
