/** What `clicklet bench` does. Loaded only when it is asked for, as its libraries take a while. */

import { parseSize } from '../cli/boot.ts';
import { libraryResolver, readConfig, splitDefinitions } from '../cli/load.ts';
import { CliError, EXIT, message, print, report } from '../cli/output.ts';
import type { VmmChoice } from '../vm/vmm.ts';
import { type DutChoice, runBench } from './bench.ts';
import { type EngineChoice, isDeviceDut } from './dut.ts';
import { LONGEST_FRAME } from './frames.ts';
import { resultText } from './print.ts';
import { chooseDisplay } from './progress.ts';
import { readResult } from './result-file.ts';
import { type BenchResult, comparable, compareWithBaseline } from './results.ts';
import { type SearchFlags, searchOptions } from './search-flags.ts';
import { shown } from './shown.ts';
import { isTracked } from './stream.ts';
import { DEFAULT_LINE_RATE, type Load, parseLoad, RATE_HELP } from './stream-rate.ts';
import { lineRateOf, type StreamFlags, streamsOf } from './streams-options.ts';
import { BenchError } from './warm-up.ts';

export interface BenchFlags extends StreamFlags, SearchFlags {
  dut: string;
  vmm: string;
  engine: string;
  mem: string;
  size?: string;
  report?: string;
  csv?: string;
  compare?: string[];
  json?: boolean;
  baseline?: string;
  failUnder: string;
}

/** Returns the exit status. */
export async function bench(file: string | undefined, words: string[], o: BenchFlags): Promise<number> {
  if (o.compare) {
    const { compareFiles } = await import('./command-compare.ts');
    // `--compare A B` takes all words that follow; a file before it is one of them too.
    return compareFiles([...(file === undefined ? [] : [file, ...words]), ...o.compare], o);
  }
  if (file === undefined)
    throw new CliError('give a configuration file, or --compare with results to compare', EXIT.usage);
  if (!['auto', 'vm', 'process', 'simulated'].includes(o.dut) && !isDeviceDut(o.dut))
    throw new CliError(
      `unknown --dut '${o.dut}': expected vm, process, simulated, auto, tap:A,B, vhost-user:A,B or iface:A,B`,
      EXIT.usage,
    );
  if (!['auto', 'kvm', 'qemu'].includes(o.vmm))
    throw new CliError(`unknown --vmm '${o.vmm}': expected auto, kvm or qemu`, EXIT.usage);
  const engine = engineOf(o.engine);
  if (engine === 'fused' && (o.dut === 'simulated' || isDeviceDut(o.dut)))
    throw new CliError(`--engine fused is for --dut vm and process, not ${o.dut}`, EXIT.usage);
  const { variables, rest } = splitDefinitions(words);
  if (rest.length) throw new CliError(`unexpected '${rest[0]}': expected NAME=value`, EXIT.usage);
  const durationS = o.duration === undefined ? 5 : seconds(o.duration);
  const rate = o.rate === undefined ? undefined : rateOf(o.rate, lineRateOf(o));
  const gate = Number(o.failUnder);
  if (!(gate > 0))
    throw new CliError(`--fail-under '${o.failUnder}': expected a ratio such as 0.95`, EXIT.usage);
  const memBytes = parseSize(o.mem);
  const streams = await streamsOf(o);
  // A search needs to know its packets: what is replayed or untracked is measured as it is.
  const method = o.search === undefined && !streams.every(isTracked) ? { search: 'none' } : {};
  const search = searchOptions({ ...o, ...method });
  const sizes = sizesOf(o.size);
  if (o.dut === 'simulated' && !search && !rate?.value && streams.every(isTracked))
    throw new CliError('in simulated time there is no highest rate: give --rate RATE', EXIT.usage);
  if (o.dut === 'simulated' && search && search.maxLoad === undefined)
    throw new CliError('in simulated time there is no highest rate: give --max-load RATE', EXIT.usage);
  const baseline = o.baseline === undefined ? undefined : readResult(o.baseline);
  const config = readConfig(file);

  const display = await chooseDisplay(o.json);
  const { result, status } = await shown(display, (signal) =>
    runBench({
      signal,
      text: config.text,
      file: config.file,
      variables,
      resolveLibrary: libraryResolver(),
      dut: o.dut as DutChoice,
      vmm: o.vmm as VmmChoice,
      engine,
      memBytes,
      streams,
      sizes,
      rate,
      durationS,
      ...(search ? { search } : {}),
      observe: { ...display, warnings: report },
    }),
  );
  if (o.report) {
    const { writeReport } = await import('./report.ts');
    const written = await writeReport(result, o.report);
    if (!o.json) message(`report: ${written.join(', ')}\n`);
  }
  if (o.csv !== undefined) {
    const { writeCsv } = await import('./report-csv.ts');
    writeCsv(result, o.csv);
  }
  if (o.csv !== '-') print(o.json ? `${JSON.stringify(result, null, 2)}\n` : resultText(result));
  return status || !baseline ? status : compare(result, baseline, gate, o.baseline!);
}

export function engineOf(text: string): EngineChoice {
  if (text === 'dynamic' || text === 'fused') return text;
  throw new CliError(`unknown --engine '${text}': expected dynamic or fused`, EXIT.usage);
}

export function seconds(text: string): number {
  const s = Number(text.replace(/s$/, ''));
  if (s >= 0.05 && s <= 86_400) return s;
  throw new CliError(`--duration '${text}': expected seconds, 0.05 or more`, EXIT.usage);
}

/** A rate for all streams together; a part of the line's rate becomes bits a second. */
export function rateOf(text: string, lineRate = DEFAULT_LINE_RATE): Load {
  const load = parseLoad(text);
  if (!load) throw new CliError(`--rate '${text}': expected ${RATE_HELP}`, EXIT.usage);
  return load.unit === 'percent' ? { unit: 'bits', value: (load.value / 100) * lineRate, layer: 1 } : load;
}

/** One trial for each size; without --size the streams' own. */
export function sizesOf(text: string | undefined): (string | undefined)[] {
  if (text === undefined) return [undefined];
  const list = text.split(',').map((s) => s.trim());
  const wrong = list.find(
    (s) => !/^imix$/i.test(s) && !(/^\d+$/.test(s) && Number(s) >= 64 && Number(s) <= LONGEST_FRAME),
  );
  if (wrong !== undefined)
    throw new CliError(
      `--size '${wrong}': expected bytes from 64 to ${LONGEST_FRAME}, such as 64,128,512, or imix`,
      EXIT.usage,
    );
  return list;
}

function compare(result: BenchResult, baseline: BenchResult, gate: number, file: string): number {
  if (!comparable(result, baseline).length)
    throw new BenchError(`${file}: no trial or search of this size and rate to compare with`);
  const failures = compareWithBaseline(result, baseline, gate);
  for (const f of failures)
    message(
      `gate failed: size ${f.size}, ${f.what}: ${f.pps.toFixed(0)} packets a second are ${(f.pps / f.baselinePps).toFixed(3)} times the baseline's ${f.baselinePps.toFixed(0)}, under ${gate}\n`,
    );
  return failures.length ? EXIT.gate : EXIT.ok;
}
