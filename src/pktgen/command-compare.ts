/** What `clicklet bench --compare` does: two or more results side by side, the first one being the measure. */

import { writeFileSync } from 'node:fs';
import { CliError, EXIT, print } from '../cli/output.ts';
import { compareResults, comparisonCsv, comparisonText } from './compare.ts';
import { readResult } from './result-file.ts';

/** Returns the exit status. */
export async function compareFiles(
  files: readonly string[],
  o: { json?: boolean; report?: string; csv?: string },
): Promise<number> {
  if (files.length < 2) throw new CliError('--compare: give two results or more', EXIT.usage);
  const results = files.map(readResult);
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
  if (o.csv !== undefined && o.csv !== '-') writeFileSync(o.csv, comparisonCsv(c));
  if (o.csv === '-') print(comparisonCsv(c));
  else print(o.json ? `${JSON.stringify(c, null, 2)}\n` : comparisonText(c));
  return EXIT.ok;
}
