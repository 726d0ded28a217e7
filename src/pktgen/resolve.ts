/** The Ethernet addresses of next hops, asked for by ARP. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type Configuration, compilePlan } from '../engine/router.ts';
import { parseField } from './field-values.ts';
import { sender } from './graph.ts';
import { defaultMac, isIp6, type Stream, StreamError } from './stream.ts';
import type { Handlers } from './trial.ts';

/** The address that a stream asks from: its first source address. */
function askerOf(s: Stream): string {
  const values = s.layers.find((l) => l.name === 'ipv4')?.values;
  const v = parseField(values?.src ?? s.src ?? `10.0.${s.from}.2`, 'ip4', 32).values[0]!;
  return [24n, 16n, 8n, 0n].map((shift) => (v >> shift) & 255n).join('.');
}

/** A Click graph that asks for the gateways of all streams; undefined if none has one. */
export function resolverGraph(streams: readonly Stream[]): Configuration | undefined {
  const asking = streams.filter((s) => s.gateway !== undefined);
  if (!asking.length) return undefined;
  const tagged = asking.find((s) => isIp6(s) || (s.layers[1] && s.layers[1].name !== 'ipv4'));
  if (tagged)
    throw new StreamError(
      `gateway ${tagged.gateway}: next hops are asked for with ARP, so IPv4 must follow Ethernet directly: give dstMac`,
    );
  const ports = [...new Set(asking.map((s) => s.from))];
  const lines = ports.flatMap((port) => {
    const own = asking.filter((s) => s.from === port);
    const ip = askerOf(own[0]!);
    const mac = own[0]!.srcMac ?? defaultMac(port);
    const gateways = [...new Set(own.map((s) => s.gateway!))];
    return [
      `arp${port} :: ARPQuerier(${ip}, ${mac});`,
      `FromDevice(${port}) -> kind${port} :: Classifier(12/0806 20/0001, 12/0806 20/0002, -);`,
      `out${port} :: Queue(64) -> ${sender(port)} :: ToDevice(${port});`,
      `kind${port}[0] -> ARPResponder(${ip} ${mac}) -> out${port};`,
      `kind${port}[1] -> [1] arp${port}; kind${port}[2] -> Discard;`,
      `arp${port}[0] -> Discard; arp${port}[1] -> out${port};`,
      ...gateways.map(
        (g) =>
          `RatedSource(DATA \\<4500001400000000400000000000000000000000>, RATE 4) -> MarkIPHeader -> SetIPAddress(${g}) -> arp${port};`,
      ),
    ];
  });
  return compilePlan(lines.join('\n'), 'resolver');
}

/** Waits until all are known; the streams with them. Throws StreamError for those that do not answer. */
export async function resolveGateways(
  router: Handlers,
  streams: readonly Stream[],
  limitMs = 3000,
  signal?: AbortSignal,
): Promise<Stream[]> {
  const end = performance.now() + limitMs;
  for (;;) {
    const resolved: Stream[] = [];
    const missing = new Set<string>();
    for (const s of streams) {
      const mac = s.gateway === undefined ? undefined : await lookUp(router, s.from, s.gateway);
      if (s.gateway !== undefined && mac === undefined) missing.add(`${s.gateway} on port ${s.from}`);
      resolved.push(mac === undefined ? s : { ...s, dstMac: mac });
    }
    if (!missing.size) return resolved;
    signal?.throwIfAborted();
    if (performance.now() > end)
      throw new StreamError(`gateway ${[...missing].join(', ')}: no answer to ARP requests`);
    await sleep(20);
  }
}

async function lookUp(router: Handlers, port: number, gateway: string): Promise<string | undefined> {
  const table = await router.read(`arp${port}.table`);
  for (const line of table.split('\n')) {
    const [ip, known, mac] = line.trim().split(/\s+/);
    if (ip === gateway && known === '1' && mac) return mac.replaceAll('-', ':').toLowerCase();
  }
  return undefined;
}
