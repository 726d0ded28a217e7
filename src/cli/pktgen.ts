/** `clicklet pktgen`: the traffic generator alone, on devices. */

import { Command } from 'commander';
import type { PktgenFlags } from '../pktgen/command-pktgen.ts';

const collect = (value: string, list: string[]) => [...list, value];

export function pktgenCommand(): Command {
  return new Command('pktgen')
    .description('send test packets to devices and count what comes back')
    .option(
      '--port <spec>',
      'device of port 0, 1, ...: tap:NAME, vhost-user:SOCKET or an interface',
      collect,
      [],
    )
    .option('--size <sizes>', "frame sizes in bytes: 64, '64*7 594*4' or imix")
    .option('--rate <pps>', 'packets a second of each stream, as 1000000 or 5M, or max', 'max')
    .option('--duration <seconds>', 'how long to send', '5')
    .option('--streams <file>', 'YAML file that describes the streams')
    .option('--src <addresses>', 'source addresses: ADDR, FIRST-LAST or ADDR/LEN')
    .option('--dst <addresses>', 'destination addresses')
    .option('--src-mac <mac>', 'source Ethernet address')
    .option('--dst-mac <mac>', 'destination Ethernet address')
    .option('--cpu <n>', "pin the generator's thread to this CPU")
    .option('--graph', "print the generator's Click configuration and do nothing")
    .option('--json', 'print the result as JSON')
    .action(async (o: PktgenFlags) => {
      const { pktgen } = await import('../pktgen/command-pktgen.ts');
      process.exitCode = await pktgen(o);
    });
}
