/** `clicklet bench-suite`: a list of configurations measured, each with its streams, beside published figures. */

import { Command } from 'commander';
import type { SuiteFlags } from '../pktgen/command-suite.ts';

export function benchSuiteCommand(): Command {
  return new Command('bench-suite')
    .description('measure a suite of configurations and compare with published figures')
    .argument('<suite>', 'YAML file, such as configs/bench/suite.yaml')
    .argument('[scenarios...]', 'only these')
    .option('--dut <kind>', 'vm, process, or auto', 'vm')
    .option('--engine <engine>', 'dynamic, or fused: compiled first, by a C compiler', 'dynamic')
    .option('--duration <seconds>', 'of each run', '1')
    .option('--runs <n>', 'of each scenario; the median counts', '3')
    .option('--mem <size>', 'guest memory', '8M')
    .option('--report <file>', 'write FILE.html and FILE.json')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  clicklet bench-suite configs/bench/suite.yaml --report bench-vm.html
  clicklet bench-suite configs/bench/suite.yaml nat firewall --runs 5 --duration 3

Exit status: 0 done, 1 a scenario could not be measured, 2 usage, 130 and 143 interrupted (what was measured until then
is printed)`,
    )
    .action(async (file: string, only: string[], o: SuiteFlags) => {
      const { benchSuite } = await import('../pktgen/command-suite.ts');
      process.exitCode = await benchSuite(file, only, o);
    });
}
