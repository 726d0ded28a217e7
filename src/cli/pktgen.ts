/** `clicklet pktgen`: the traffic generator alone, on devices. */

import { Command } from 'commander';
import { type ExchangeResult, exchange } from '../pktgen/exchange.ts';
import { gbit, micro, mpps, percent } from '../pktgen/print.ts';
import { liveDisplay, plainDisplay, silent } from '../pktgen/progress.ts';
import { rateOf, seconds, shown, streamsOf } from './bench.ts';
import { CliError, EXIT, message, print } from './output.ts';

interface Flags {
  port: string[];
  size?: string;
  rate: string;
  duration: string;
  streams?: string;
  src?: string;
  dst?: string;
  srcMac?: string;
  dstMac?: string;
  cpu?: string;
  graph?: boolean;
  json?: boolean;
}

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
    .action(async (o: Flags) => {
      process.exitCode = await pktgen(o);
    });
}

async function pktgen(o: Flags): Promise<number> {
  if (!o.port.length && !o.graph)
    throw new CliError(
      'give at least one --port to send to, as tap:NAME, vhost-user:SOCKET or an interface',
      EXIT.usage,
    );
  const durationS = seconds(o.duration);
  const last = Math.max(1, o.port.length) - 1;
  const streams = await streamsOf(o, {
    ...(o.size === undefined ? {} : { size: o.size }),
    rate: rateOf(o.rate),
    to: Math.min(1, last),
  });
  const beyond = Math.max(...streams.flatMap((s) => [s.from, s.to]));
  if (beyond > last && !o.graph)
    throw new CliError(
      `a stream uses port ${beyond}, but --port was given ${o.port.length} times`,
      EXIT.usage,
    );
  const cpu = o.cpu === undefined ? undefined : Number(o.cpu);
  if (o.graph) {
    const { generatorGraph } = await import('../pktgen/graph.ts');
    print(`${generatorGraph(Math.max(beyond + 1, o.port.length), streams).text}\n`);
    return EXIT.ok;
  }
  const display = o.json ? silent : process.stderr.isTTY ? await liveDisplay() : plainDisplay(message);
  const result = await shown(display, (signal) =>
    exchange({ signal, ports: o.port, streams, durationS, cpu, observe: display }),
  );
  print(o.json ? `${JSON.stringify(result, null, 2)}\n` : exchangeText(result));
  return EXIT.ok;
}

function exchangeText(r: ExchangeResult): string {
  const t = r.trials[0]!;
  const lines = [
    `sent      ${t.txPackets} packets, ${mpps(t.txPps)}, ${gbit(t.txBitsPerS)} on the wire, in ${t.durationS.toFixed(2)} s`,
    `received  ${t.rxPackets} packets, ${mpps(t.rxPps)}; not received ${percent(t.lossRatio)}; others ${t.foreign}`,
  ];
  if (t.missedPackets) lines.push(`missed    ${t.missedPackets} packets could not be sent in time`);
  if (t.rxPackets)
    lines.push(
      `order     ${t.lost} missing in between, ${t.reordered} reordered, ${t.duplicates} duplicates`,
    );
  if (t.latencyUs)
    lines.push(
      `latency   p50 ${micro(t.latencyUs.p50)}, p99 ${micro(t.latencyUs.p99)}, p99.9 ${micro(t.latencyUs.p999)}, max ${micro(t.latencyUs.max)}`,
    );
  return `${lines.join('\n')}\n`;
}
