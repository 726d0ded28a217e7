/** `clicklet bench FILE`: a configuration measured, as a virtual machine or in this process. */

import { Command } from 'commander';
import type { BenchFlags } from '../pktgen/command-bench.ts';
import { addStreamFlags } from './stream-flags.ts';

export function benchCommand(): Command {
  const command = new Command('bench')
    .description('measure a configuration: rate, loss, latency, boot')
    .argument('<file>', 'configuration file (- for standard input)')
    .argument('[definitions...]', 'NAME=value')
    .option(
      '--dut <kind>',
      'vm, process, auto (a virtual machine if one can run here), or devices: tap:A,B, vhost-user:A,B, iface:A,B',
      'auto',
    )
    .option('--vmm <vmm>', 'auto, kvm or qemu', 'auto')
    .option('--mem <size>', 'guest memory', '5M')
    .option('--size <sizes>', 'frame sizes in bytes, one trial each: 64,128,512 or imix')
    .option('--rate <pps>', 'packets a second in all, as 1000000 or 5M, or max')
    .option('--duration <seconds>', 'of each trial', '5');
  return addStreamFlags(command)
    .option('--search <method>', 'none', 'none')
    .option('--report <file>', 'write FILE.html and FILE.json')
    .option('--baseline <file>', 'compare with an earlier result (JSON)')
    .option('--fail-under <ratio>', 'exit with 4 if a rate is under RATIO times that of the baseline', '0.95')
    .option('--json', 'print the result as JSON')
    .action(async (file: string, words: string[], o: BenchFlags) => {
      const { bench } = await import('../pktgen/command-bench.ts');
      process.exitCode = await bench(file, words, o);
    });
}
