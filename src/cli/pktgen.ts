/** `clicklet pktgen`: sends streams to devices and counts what comes back. */

import { Command } from 'commander';
import type { PktgenFlags } from '../pktgen/command-pktgen.ts';
import { addStreamFlags } from './stream-flags.ts';

const collect = (value: string, list: string[] = []) => [...list, value];

const EXAMPLES = `
Examples:
  clicklet pktgen --port tap:t0 --port tap:t1 --rate 250k --size imix --duration 10
  clicklet pktgen --dut vhost-user:a.sock,b.sock --rate 50% --line-rate 25G --bidirectional
  clicklet pktgen --layers 'ether/vlan(id=3-9)/ipv4/udp' --print
  clicklet pktgen --replay frames.pcap --port tap:t0 --speed 10
  clicklet pktgen --loopback

Exit status: 0 done, 1 input wrong or no device came, 2 usage, 3 the host lacks something, 130 and 143 interrupted (what
was counted until then is printed)`;

export function pktgenCommand(): Command {
  const command = new Command('pktgen')
    .description('send test packets to devices and count what comes back')
    .optionsGroup('Devices:')
    .option('--port <spec>', 'device of port 0, 1, ...: tap:NAME, vhost-user:SOCKET or an interface', collect)
    .option('--dut <kind>', 'all ports at once: tap:A,B, vhost-user:A,B or iface:A,B')
    .optionsGroup('Trials:')
    .option('--size <sizes>', "frame sizes in bytes: 64, '64*7 594*4' or imix (default: the smallest)")
    .option(
      '--rate <rate>',
      "of all streams: 5M packets a second, 2.5Gbit/s, 2.5Gbit/s L2, 50%, or max (default: the streams' own, else max)",
    )
    .option('--duration <seconds>', 'how long to send', '5')
    .option('--count <n>', 'packets of each stream at most');
  return addStreamFlags(command)
    .optionsGroup('What to do:')
    .option('--dry-run', 'check the streams, say what they are, and send nothing')
    .option('--print [n]', 'print the first n frames of each stream (1) and send nothing')
    .option('-o, --output <file>', 'write the first frames (--count, 100) to a pcap file and send nothing')
    .option('--loopback', "measure the generator's own limit: one core sends, another receives and checks")
    .option('--cpu <n>', "pin the generator's thread to this CPU")
    .option('--graph', "print the generator's Click configuration and do nothing")
    .option('--json', 'print the result as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (o: PktgenFlags) => {
      const { pktgen } = await import('../pktgen/command-pktgen.ts');
      process.exitCode = await pktgen(o);
    });
}
