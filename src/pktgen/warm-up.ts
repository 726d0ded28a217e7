/** Before the first trial: every stream has come through the router, and every address is resolved. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Router } from '../engine/router.ts';
import type { Dut, Site } from './dut.ts';
import type { GeneratorGraph } from './graph.ts';
import { isTracked, type Stream } from './stream.ts';
import { resetTrial } from './trial.ts';

/** Nothing came through the router, or it went away. */
export class BenchError extends Error {
  readonly exitCode = 1;
}

const WARM_UP_PPS = 20_000;

/**
 * Sends slowly from before the router runs: so its first packet is not waited for, and it learns all next hops. Not what
 * is untracked: of that nobody would know when it comes through, and of a trace the router sees nothing beforehand.
 */
export async function startWarmUp(
  generator: Router,
  graph: GeneratorGraph,
  streams: readonly Stream[],
): Promise<void> {
  for (const [i, s] of graph.sources.entries()) {
    if (!isTracked(streams[i]!)) continue;
    await generator.write(`${s}.rate`, String(WARM_UP_PPS / graph.sources.length));
    await generator.write(`${s}.active`, 'true');
  }
}

interface SinkStreams {
  stream: number;
  packets: number;
}

export async function warmUp(
  generator: Router,
  graph: GeneratorGraph,
  streams: readonly Stream[],
  dut: Dut,
  site: Site,
  signal: AbortSignal | undefined,
): Promise<void> {
  const started = performance.now();
  const limitMs = site.vmm === 'qemu' ? 15_000 : 5_000;
  const missing = new Set([...streams.keys()].filter((i) => isTracked(streams[i]!)));
  let ended = '';
  void dut.ended.then((m) => {
    ended = m;
  });
  while (missing.size) {
    for (const s of graph.sinks)
      for (const x of JSON.parse(await generator.read(`${s}.streams`)) as SinkStreams[])
        missing.delete(x.stream);
    signal?.throwIfAborted();
    if (ended) throw new BenchError(ended);
    if (!missing.size) break;
    if (performance.now() - started > limitMs)
      throw new BenchError(await whyNothing(generator, graph, missing));
    await sleep(20);
  }
  await sleep(250); // so that every address in the streams' ranges has been seen and resolved
  await resetTrial(generator, graph);
}

async function whyNothing(
  generator: Router,
  graph: GeneratorGraph,
  missing: ReadonlySet<number>,
): Promise<string> {
  const sent = Number(await generator.read(`${graph.sources[[...missing][0]!]}.count`));
  const other = await Promise.all(graph.sinks.map((_, i) => generator.read(`other${i}.count`)));
  const list = [...missing].join(', ');
  if (!sent) return `nothing could be sent: the router does not take packets from its port (stream ${list})`;
  return (
    `nothing came through the router for stream ${list}: ${sent} packets were sent, ` +
    `${other.map((n, i) => `${n.trim()} others came back from port ${i}`).join(', ')}; ` +
    'check the addresses (--src, --dst, --dst-mac) against the configuration'
  );
}
