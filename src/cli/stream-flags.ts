/** The flags that describe streams, for each command that takes them. */

import type { Command } from 'commander';

export function addStreamFlags(command: Command): Command {
  return command
    .option('--streams <file>', 'YAML file that describes the streams')
    .option('--layers <headers>', 'headers, such as ether/vlan(id=5)/ipv4(dst=10.0.0.1-10.0.0.9)/udp')
    .option('--src <addresses>', 'source addresses: ADDR, FIRST-LAST or ADDR/LEN, perhaps random')
    .option('--dst <addresses>', 'destination addresses')
    .option('--src-port <ports>', 'source ports: N or FIRST-LAST, perhaps random')
    .option('--dst-port <ports>', 'destination ports')
    .option('--src-mac <mac>', "the generator's Ethernet address on port 0")
    .option('--dst-mac <mac>', 'Ethernet address that frames from port 0 go to')
    .option('--gateway <address>', 'ask for the Ethernet address of this next hop by ARP')
    .option('--bidirectional', 'also from port 1 to port 0')
    .option('--pace <pace>', 'constant, or poisson: random gaps of the same mean')
    .option('--burst <n>', 'send so many packets back to back, at the same rate in the mean')
    .option('--seed <n>', 'of everything random')
    .option('--line-rate <bits>', 'what a rate in percent counts from (10G)')
    .option('--replay <file>', 'send the packets of a pcap file')
    .option('--speed <factor>', 'of a replay: 1 is its own timing, 0 as fast as possible')
    .option('--loop <n>', 'how often a replay is sent; 0: until the time is over')
    .option('--no-track', 'packets without the signature that tells loss, order and latency');
}
