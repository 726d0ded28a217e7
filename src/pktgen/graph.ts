/** The generator as a Click graph: sources and sinks on packet ports, and answers to ARP requests. */

import { LONGEST_FRAME } from './frames.ts';
import { defaultMac, type Stream, sourceElement } from './stream.ts';

/** The names of what a trial reads and writes. */
export interface GeneratorGraph {
  /** Click configuration. */
  text: string;
  /** Element names: one source for each stream, one sink for each port. */
  sources: string[];
  sinks: string[];
}

/**
 * The generator graph for ports 0 to `portCount` - 1 of its engine. On each port every ARP request is answered with
 * the port's own address, so that the router under test finds all its next hops there.
 */
export function generatorGraph(portCount: number, streams: readonly Stream[]): GeneratorGraph {
  const lines: string[] = [];
  const sources = streams.map((_, i) => `stream${i}`);
  const sinks = Array.from({ length: portCount }, (_, i) => `sink${i}`);
  for (const [i, s] of streams.entries()) lines.push(sourceElement(sources[i]!, i, s));
  for (let port = 0; port < portCount; port++) {
    const own = streams.flatMap((s, i) => (s.from === port ? [{ name: sources[i]!, weight: s.weight }] : []));
    const mac = streams.find((s) => s.from === port)?.srcMac ?? defaultMac(port);
    lines.push(
      `FromDevice(${port}, SNAPLEN ${LONGEST_FRAME}) -> ${sinks[port]} :: PktgenSink(STREAMS ${Math.max(16, streams.length)})`,
      `  -> kind${port} :: Classifier(12/0806 20/0001, -);`,
      `kind${port}[0] -> ARPResponder(0.0.0.0/0 ${mac}) -> replies${port} :: Queue(256);`,
      `kind${port}[1] -> other${port} :: Counter -> Discard;`,
      `replies${port} -> [0] out${port} :: PrioSched -> ToDevice(${port});`,
    );
    if (own.length === 1) lines.push(`${own[0]!.name} -> [1] out${port};`);
    else if (own.length > 1) {
      lines.push(`turns${port} :: ${turns(own.map((s) => s.weight))} -> [1] out${port};`);
      for (const [k, s] of own.entries()) lines.push(`${s.name} -> [${k}] turns${port};`);
    }
  }
  for (const [i, s] of streams.entries()) lines.push(...opening(i, s));
  return { text: lines.join('\n'), sources, sinks };
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
  const sender = `${sourceElement('stream0', 0, stream)}\nstream0 -> ToDevice(pipe:${pipe}/a);`;
  const receiver = `FromDevice(pipe:${pipe}/b, SNAPLEN ${LONGEST_FRAME}) -> sink0 :: PktgenSink;`;
  return { text: `${sender}\n${receiver}`, sender, receiver, sources: ['stream0'], sinks: ['sink0'] };
}
