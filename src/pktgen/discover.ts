/** Finding out how to talk to the router under test: its ports, and the addresses it has on them. */

import type { ResolvedGraph } from '../graph/resolved-graph.ts';
import { defaultMac, isIp6, type Stream } from './stream.ts';

/** What a router is on one of its ports. */
export interface PortAddress {
  ip: string;
  mac: string;
}

const portOf = (text: string): number => {
  const m = /^"?(?:eth)?(\d+)"?$/.exec(text.trim());
  return m ? Number(m[1]) : -1;
};

/** Elements that read or write numbered ports, by class. */
function portElements(graph: ResolvedGraph, className: string): { index: number; port: number }[] {
  return graph.elements.flatMap((e, index) => {
    const first = e.className === className ? e.args[0]?.text : undefined;
    return first === undefined ? [] : [{ index, port: portOf(first) }];
  });
}

/** How many ports the configuration has: one more than the highest number in FromDevice and ToDevice. */
export function portCount(graph: ResolvedGraph): number {
  const all = [...portElements(graph, 'FromDevice'), ...portElements(graph, 'ToDevice')];
  return 1 + Math.max(-1, ...all.map((x) => x.port));
}

/** Devices that are not numbered ports: the test could not reach them. */
export function foreignDevices(graph: ResolvedGraph): string[] {
  return graph.elements
    .filter((e) => /^(From|To)Device$/.test(e.className) && portOf(e.args[0]?.text ?? '') < 0)
    .map((e) => `${e.name} :: ${e.className}(${e.args[0]?.text ?? ''})`);
}

/** The element that receives on a port, and how many bytes of a frame it keeps. */
export function receiverOf(
  graph: ResolvedGraph,
  port: number,
): { name: string; snapLength: number } | undefined {
  const found = portElements(graph, 'FromDevice').find((x) => x.port === port);
  if (!found) return undefined;
  const { name, args, class: known } = graph.elements[found.index]!;
  const place = known.args.findIndex((a) => a.key === 'SNAPLEN');
  const written = args
    .map((a) => /^(SNAPLEN\s+)?(\d+)$/.exec(a.text.trim()) ?? [])
    .find((m, i) => m[2] !== undefined && (m[1] !== undefined || i === place));
  return { name, snapLength: Number(written?.[2] ?? known.args[place]?.default) };
}

/** The ARPResponder nearest behind each port's FromDevice, by name. */
export function responders(graph: ResolvedGraph): Map<number, string> {
  const next = new Map<number, number[]>();
  for (const c of graph.connections) next.set(c.from, [...(next.get(c.from) ?? []), c.to]);
  const found = new Map<number, string>();
  for (const { index, port } of portElements(graph, 'FromDevice')) {
    const seen = new Set([index]);
    for (let edge = [index]; edge.length && !found.has(port); ) {
      const responder = edge.find((i) => graph.elements[i]!.className === 'ARPResponder');
      if (responder !== undefined) found.set(port, graph.elements[responder]!.name);
      edge = edge.flatMap((i) => next.get(i) ?? []).filter((i) => !seen.has(i) && seen.add(i));
    }
  }
  return found;
}

/** The first single address in what handler `table` of an ARPResponder prints. */
export function parseTable(table: string): PortAddress | undefined {
  for (const line of table.split('\n')) {
    const m = /^(\d+\.\d+\.\d+\.\d+)\/32 ([0-9A-Fa-f-]{17})/.exec(line);
    if (m) return { ip: m[1]!, mac: m[2]!.replaceAll('-', ':') };
  }
  return undefined;
}

/** The addresses of the router under test, by port, as its ARPResponders have them. */
export async function discover(
  graph: ResolvedGraph,
  read: (handler: string) => Promise<string>,
): Promise<Map<number, PortAddress>> {
  const found = new Map<number, PortAddress>();
  for (const [port, name] of responders(graph)) {
    const address = parseTable(await read(`${name}.table`));
    if (address) found.set(port, address);
  }
  return found;
}

const HOSTS = 16;

/** Hosts in the network of a port: 16 addresses of the same /24, none of them the router's. With IPv6, made up. */
export function hostsOf(port: number, address: PortAddress | undefined, ip6 = false): string {
  if (ip6) return `fd00:${port}::1001-fd00:${port}::${1000 + HOSTS}`;
  const [a, b, c, d] = (address?.ip ?? `10.0.${port}.1`).split('.').map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const first = d >= 101 - HOSTS && d < 101 + HOSTS ? 201 : 101;
  return `${a}.${b}.${c}.${first}-${a}.${b}.${c}.${first + HOSTS - 1}`;
}

/** Fill in the addresses that a stream leaves open: hosts beyond the router's ports, frames to the router. */
export function completeStream(stream: Stream, addresses: ReadonlyMap<number, PortAddress>): Stream {
  // The frames of a trace stay what they are, except that a router takes only those that are addressed to it.
  if (stream.replay) {
    const dstMac = stream.dstMac ?? addresses.get(stream.from)?.mac;
    return dstMac === undefined ? stream : { ...stream, dstMac };
  }
  return {
    ...stream,
    srcMac: stream.srcMac ?? defaultMac(stream.from),
    dstMac: stream.dstMac ?? addresses.get(stream.from)?.mac ?? defaultMac(stream.from, true),
    src: stream.src ?? hostsOf(stream.from, addresses.get(stream.from), isIp6(stream)),
    dst: stream.dst ?? hostsOf(stream.to, addresses.get(stream.to), isIp6(stream)),
  };
}
