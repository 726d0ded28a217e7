/** The generator as a Click graph: sources and sinks on packet ports, and answers to ARP requests. */

import { randomInt } from 'node:crypto';
import type { ResolvedGraph } from '../graph/resolved-graph.ts';
import { LONGEST_FRAME } from './frames.ts';
import { defaultMac, type Stream, sourceElement } from './stream.ts';

/** The names of what a trial reads and writes. */
export interface GeneratorGraph {
  /** Click configuration. */
  text: string;
  /** Element names: one source for each stream, one sink for each port. */
  sources: string[];
  sinks: string[];
  /** A counter for each port: of frames that are neither the sources' nor ARP requests. */
  others: string[];
  /** For each source the device element that it sends to. */
  outputs: string[];
  /** For each source two others of the same packets that are not counted: what comes before a trial. */
  rampSources: string[];
  primeSources: string[];
}

/**
 * The generator graph for ports 0 to `portCount` - 1 of its engine. On each port every ARP request is answered with
 * the port's own address, so that the router under test finds all its next hops there.
 */
export function generatorGraph(
  portCount: number,
  streams: readonly Stream[],
  { ramp = false } = {},
): GeneratorGraph {
  const lines: string[] = [];
  // A trace may hold the packets of an earlier run: they are not ours.
  const key = streams.some((s) => s.replay) ? randomInt(1, 2 ** 32 - 1) : undefined;
  const sources = streams.map((_, i) => `stream${i}`);
  const others = Array.from({ length: portCount }, (_, i) => `other${i}`);
  const sinks = Array.from({ length: portCount }, (_, i) => `sink${i}`);
  const ramps = ramp ? streams.map((_, i) => `ramp${i}`) : [];
  const primes = ramp ? streams.map((_, i) => `prime${i}`) : [];
  for (const [i, s] of streams.entries()) lines.push(sourceElement(sources[i]!, i, s, key));
  for (const [i, name] of [...ramps, ...primes].entries())
    lines.push(sourceElement(name, streams.length + i, { ...streams[i % streams.length]!, sample: 0 }, key));
  for (let port = 0; port < portCount; port++) {
    const own = (names: readonly string[]) =>
      streams.flatMap((s, i) => (s.from === port && names[i] ? [{ name: names[i], weight: s.weight }] : []));
    const mac = streams.find((s) => s.from === port)?.srcMac ?? defaultMac(port);
    lines.push(
      `FromDevice(${port}, SNAPLEN ${LONGEST_FRAME}) -> ${sinks[port]} :: PktgenSink(STREAMS ${Math.max(16, streams.length + ramps.length + primes.length)}${key === undefined ? '' : `, KEY ${key}`})`,
      `  -> kind${port} :: Classifier(12/0806 20/0001, -);`,
      `kind${port}[0] -> ARPResponder(0.0.0.0/0 ${mac}) -> replies${port} :: Queue(256);`,
      `kind${port}[1] -> ${others[port]} :: Counter -> Discard;`,
      `replies${port} -> [0] out${port} :: PrioSched -> ${sender(port)} :: ToDevice(${port});`,
    );
    lines.push(...pulledBy(`[1] out${port}`, `turns${port}`, own(sources)));
    lines.push(...pulledBy(`[2] out${port}`, `rampturns${port}`, own(ramps)));
    lines.push(...pulledBy(`[3] out${port}`, `primeturns${port}`, own(primes)));
  }
  for (const [i, s] of streams.entries()) lines.push(...opening(i, s));
  const outputs = streams.map((s) => sender(s.from));
  return {
    text: lines.join('\n'),
    sources,
    sinks,
    others,
    outputs,
    rampSources: ramps,
    primeSources: primes,
  };
}

/** The element that sends to a port. */
export const sender = (port: number): string => `send${port}`;

/** Sources that take turns on one input. */
function pulledBy(
  input: string,
  scheduler: string,
  sources: readonly { name: string; weight: number }[],
): string[] {
  if (sources.length < 2) return sources.map((s) => `${s.name} -> ${input};`);
  return [
    `${scheduler} :: ${turns(sources.map((s) => s.weight))} -> ${input};`,
    ...sources.map((s, i) => `${s.name} -> [${i}] ${scheduler};`),
  ];
}

/** The frames that open a stream's session, again and again until something of a stream has come through. */
function opening(stream: number, s: Stream): string[] {
  const frames = s.opening ?? [];
  if (!frames.length) return [];
  const name = (k: number) => `opening${stream}_${k}`;
  const steps = frames.map((_, k) => `write ${name(k)}.reset, write ${name(k)}.active true, wait 20ms`);
  return [
    ...frames.map(
      (hex, k) =>
        `${name(k)} :: InfiniteSource(DATA \\<${hex.padEnd(120, '0')}>, LIMIT 1, ACTIVE false) -> replies${s.from};`,
    ),
    `Script(label again, ${steps.join(', ')}, wait 100ms, goto again $(eq $(sink${s.to}.count) 0));`,
  ];
}

/** Who is next where streams share a port: in proportion to their weights. */
function turns(weights: readonly number[]): string {
  return new Set(weights).size === 1 ? 'RoundRobinSched' : `StrideSched(${weights.join(', ')})`;
}

/** What the generator can do by itself: sends to itself through a memory pipe, on one thread or on two. */
export function loopGraph(
  pipe: string,
  stream: Stream,
): GeneratorGraph & { sender: string; receiver: string } {
  const sender = `${sourceElement('stream0', 0, stream)}\nstream0 -> send0 :: ToDevice(pipe:${pipe}/a);`;
  const key = stream.replay ? `(KEY ${randomInt(1, 2 ** 32 - 1)})` : '';
  const receiver = `FromDevice(pipe:${pipe}/b, SNAPLEN ${LONGEST_FRAME}) -> sink0 :: PktgenSink${key};`;
  return {
    text: `${sender}\n${receiver}`,
    sender,
    receiver,
    sources: ['stream0'],
    sinks: ['sink0'],
    others: [],
    outputs: ['send0'],
    rampSources: [],
    primeSources: [],
  };
}

/** The elements of the router under test and how they are connected, for the result. */
export const graphOutline = (g: ResolvedGraph) => ({
  elements: g.elements.map((e) => ({ name: e.name, class: e.className })),
  connections: g.connections.map((c) => [c.from, c.fromPort, c.to, c.toPort]),
});
