/** What `clicklet bench-suite` does. Loaded only when it is asked for. */

import { writeFileSync } from 'node:fs';
import { parseSize } from '../cli/boot.ts';
import { libraryResolver, readConfig } from '../cli/load.ts';
import { CliError, EXIT, message, print } from '../cli/output.ts';
import { type DutChoice, runBench } from './bench.ts';
import { engineOf, seconds } from './command-bench.ts';
import { silent } from './progress.ts';
import { shown } from './shown.ts';
import { parseStreamFile } from './streams-file.ts';
import { runSuite } from './suite.ts';
import { suiteHtml, suiteText } from './suite-report.ts';

export interface SuiteFlags {
  dut: string;
  engine: string;
  duration: string;
  runs: string;
  mem: string;
  report?: string;
  json?: boolean;
}

/** Returns the exit status: 1 if a scenario could not be measured. */
export async function benchSuite(file: string, only: string[], o: SuiteFlags): Promise<number> {
  if (!['auto', 'vm', 'process'].includes(o.dut))
    throw new CliError(`unknown --dut '${o.dut}': expected vm, process or auto`, EXIT.usage);
  const engine = engineOf(o.engine);
  const durationS = seconds(o.duration);
  const runs = Number(o.runs);
  if (!(Number.isInteger(runs) && runs > 0 && runs < 100))
    throw new CliError(`--runs '${o.runs}': expected a whole number from 1 to 99`, EXIT.usage);
  const memBytes = parseSize(o.mem);
  const { result, status } = await shown(silent, (signal) =>
    runSuite(
      file,
      runs,
      (s) => {
        const { text, file: name } = readConfig(s.config);
        return runBench({
          text,
          file: name,
          resolveLibrary: libraryResolver(),
          dut: o.dut as DutChoice,
          vmm: 'auto',
          engine,
          memBytes,
          streams: parseStreamFile(readConfig(s.streams).text, s.streams),
          sizes: [undefined],
          rate: undefined,
          durationS,
          signal,
        });
      },
      (text) => message(`${text}\n`),
      only,
      signal,
    ),
  );
  if (o.report) {
    const stem = o.report.replace(/\.html$/, '');
    writeFileSync(`${stem}.html`, suiteHtml(result));
    writeFileSync(`${stem}.json`, `${JSON.stringify(result, null, 2)}\n`);
    message(`report: ${stem}.html, ${stem}.json\n`);
  }
  print(o.json ? `${JSON.stringify(result, null, 2)}\n` : suiteText(result));
  if (status) return status;
  return result.scenarios.some((s) => s.pps === null) ? EXIT.input : EXIT.ok;
}
