/** What `clicklet bench --compare` does: two or more results side by side, the first one being the measure. */

import { readFileSync, writeFileSync } from 'node:fs';
import { CliError, EXIT, print } from '../cli/output.ts';
import { compareResults, comparisonText } from './compare.ts';
import { parseResult } from './results.ts';

/** Returns the exit status. */
export async function compareFiles(
  files: readonly string[],
  o: { json?: boolean; report?: string },
): Promise<number> {
  if (files.length < 2) throw new CliError('--compare: give two results or more', EXIT.usage);
  const results = files.map((f) => {
    try {
      return parseResult(readFileSync(f, 'utf8'), f);
    } catch (e) {
      throw new CliError((e as Error).message, EXIT.input);
    }
  });
  const c = compareResults(files, results);
  if (!c.rows.length)
    throw new CliError(
      'nothing to compare: no size and rate, and no goal, is in two of the results',
      EXIT.input,
    );
  if (o.report) {
    const { comparisonHtml } = await import('./report-compare.ts');
    writeFileSync(o.report, await comparisonHtml(c, results));
  }
  print(o.json ? `${JSON.stringify(c, null, 2)}\n` : comparisonText(c));
  return EXIT.ok;
}
