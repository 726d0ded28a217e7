/** `clicklet bench FILE`: a configuration measured, as a virtual machine or in this process. */

import { Command } from 'commander';
import type { BenchFlags } from '../pktgen/command-bench.ts';
import { addStreamFlags } from './stream-flags.ts';

const EXAMPLES = `
Examples:
  clicklet bench router.click                       search for the rates that it bears, as a virtual machine
  clicklet bench router.click --rate 1M --size 64,imix --report result.html
  clicklet bench router.click --search rfc2544 --duration 60 --report rfc2544.html
  clicklet bench router.click --dut simulated --max-load 50k    what it does by design, without a clock
  clicklet bench router.click --baseline result.json --fail-under 0.95
  clicklet bench --compare before.json after.json

Exit status: 0 done, 1 configuration or input wrong, 2 usage, 3 the host lacks something, 4 a rate is under the
baseline's, 130 and 143 interrupted (what was measured until then is printed)`;

export function benchCommand(): Command {
  const command = new Command('bench')
    .description('measure a configuration: rate, loss, latency, boot')
    .argument('[file]', 'configuration file (- for standard input)')
    .argument('[definitions...]', 'NAME=value')
    .optionsGroup('The router:')
    .option(
      '--dut <kind>',
      'vm, process, simulated, auto (a virtual machine if one can run here), or devices: tap:A,B, vhost-user:A,B, iface:A,B',
      'auto',
    )
    .option('--vmm <vmm>', 'auto, kvm or qemu', 'auto')
    .option('--engine <engine>', 'dynamic, or fused: compiled first, by a C compiler', 'dynamic')
    .option('--mem <size>', 'guest memory', '5M')
    .optionsGroup('Trials:')
    .option(
      '--size <sizes>',
      "frame sizes in bytes, one after the other: 64,128,512 or imix (default: the streams' own)",
    )
    .option(
      '--rate <pps>',
      'no search, but one trial at this rate of all streams: 5M packets a second, 2.5Gbit/s, 2.5Gbit/s L2, 50%, or max',
    )
    .option('--duration <seconds>', 'of each trial (default: 5; 1 in an MLRsearch)');
  return addStreamFlags(command)
    .optionsGroup('Search:')
    .option('--search <method>', 'none, mlr or rfc2544 (default: mlr; none with --rate)')
    .option('--duration-sum <seconds>', 'mlr: time in trials that decides on a load (default: 5 trials)')
    .option('--initial-duration <seconds>', 'mlr: of the first trials (default: --duration)')
    .option('--exceed <ratio>', 'mlr: share of the trials that may have more loss than allowed', '0.5')
    .option('--loss <ratio>', 'mlr: loss that the partial drop rate (PDR) allows', '0.005')
    .option('--width <ratio>', 'how close the bounds of a result are, relative to the upper one', '0.005')
    .option(
      '--min-load <pps>',
      'the lowest load of a search (default: 1000, and a tenth of what is forwarded)',
    )
    .option('--max-load <pps>', 'the highest load of a search (default: what the generator can do alone)')
    .option(
      '--ramp <seconds>',
      'traffic before each trial that is not counted (default: --duration, 0.5 at most)',
    )
    .option('--drain <seconds>', 'a trial is over when no packet came for this long', '0.2')
    .option('--repeat <n>', 'mlr: searches; rfc2544: trials for each figure', '1')
    .option('--tests <list>', 'rfc2544: throughput,latency,loss,back-to-back,recovery,reset (default: all)')
    .optionsGroup('Output:')
    .option('--report <file>', 'write FILE.html, FILE.json and FILE.csv')
    .option('--csv <file>', 'write one line for each trial and result (- for standard output)')
    .option('--compare <files...>', 'compare results (JSON) instead of measuring')
    .option('--baseline <file>', 'compare with an earlier result (JSON)')
    .option('--fail-under <ratio>', 'exit with 4 if a rate is under RATIO times that of the baseline', '0.95')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string | undefined, words: string[], o: BenchFlags) => {
      const { bench } = await import('../pktgen/command-bench.ts');
      process.exitCode = await bench(file, words, o);
    });
}
