/** What `clicklet pktgen` does. Loaded only when it is asked for. */

import { CliError, EXIT, message, print } from '../cli/output.ts';
import { rateOf, seconds, shown, streamsOf } from './command-bench.ts';
import { type ExchangeResult, exchange } from './exchange.ts';
import { gbit, micro, mpps, percent } from './print.ts';
import { liveDisplay, plainDisplay, silent } from './progress.ts';

export interface PktgenFlags {
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

/** Returns the exit status. */
export async function pktgen(o: PktgenFlags): Promise<number> {
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
    const { generatorGraph } = await import('./graph.ts');
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
