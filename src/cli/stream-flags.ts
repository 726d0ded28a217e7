/** The flags that describe streams, for each command that takes them. */

import type { Command } from 'commander';

export function addStreamFlags(command: Command): Command {
  return command
    .optionsGroup('Streams:')
    .option('--streams <file>', 'YAML file that describes the streams')
    .option(
      '--layers <headers>',
      'headers, such as ether/vlan(id=5)/ipv4(dst=10.0.0.1-10.0.0.9)/udp (default: ether/ipv4/udp)',
    )
    .option('--src <addresses>', 'source addresses: ADDR, FIRST-LAST or ADDR/LEN, perhaps random')
    .option('--dst <addresses>', 'destination addresses')
    .option('--src-port <ports>', 'source ports: N or FIRST-LAST, perhaps random')
    .option('--dst-port <ports>', 'destination ports')
    .option('--src-mac <mac>', "the generator's Ethernet address on port 0")
    .option('--dst-mac <mac>', 'Ethernet address that frames from port 0 go to')
    .option('--gateway <address>', 'ask for the Ethernet address of this next hop by ARP')
    .option('--bidirectional', 'also from port 1 to port 0')
    .option('--pace <pace>', 'constant, or poisson: random gaps of the same mean (default: constant)')
    .option('--burst <n>', 'send so many packets back to back, at the same rate in the mean (default: 1)')
    .option('--seed <n>', 'of everything random (default: 1)')
    .option('--line-rate <bits>', 'what a rate in percent counts from (default: 10G)')
    .option('--replay <file>', 'send the packets of a pcap file')
    .option(
      '--speed <factor>',
      'of a replay: 2 is twice as fast as captured, 0 as fast as possible (default: 1)',
    )
    .option('--loop <n>', 'how often a replay is sent; 0: until the time is over (default: 1)')
    .option('--no-track', 'packets without the signature that tells loss, order and latency');
}
