/** The generator alone: what it sent to devices, and what came back. */

import { compilePlan, Router } from '../engine/router.ts';
import type { Observer } from './bench.ts';
import { completeStream } from './discover.ts';
import { environment, timestampError } from './environment.ts';
import { generatorGraph } from './graph.ts';
import { waitForLinks } from './links.ts';
import { resolveGateways, resolverGraph } from './resolve.ts';
import type { Environment, TrialResult } from './results.ts';
import type { Stream } from './stream.ts';
import { type Handlers, runTrial } from './trial.ts';
import { trialResult } from './trial-result.ts';

export interface ExchangeOptions {
  /** Device specs of ports 0, 1, ... */
  ports: readonly string[];
  streams: readonly Stream[];
  durationS: number;
  /** Packets of each stream at most. */
  count?: number | undefined;
  cpu?: number | undefined;
  observe?: Observer;
  /** Ends it early, with what was counted until then. */
  signal?: AbortSignal;
}

/** How well a stream's pace was kept. */
export interface Pacing {
  stream: number;
  name: string | null;
  packets: number;
  missed: number;
  /** Packets a second; 0: as fast as they are taken. */
  askedPps: number;
  achievedPps: number;
  /** (achieved - asked) / asked; null at rate max. */
  errorRatio: number | null;
  /** How late packets were made; of each batch its first. */
  lateUs: { mean: number; p99: number; max: number } | null;
}

export interface ExchangeResult {
  version: 1;
  config: null;
  dut: null;
  ports: string[];
  streams: Record<string, unknown>[];
  trials: TrialResult[];
  pacing: Pacing[];
  search: null;
  /** Stopped before the end: what is there was counted until then. */
  interrupted?: true;
  environment: Environment;
}

/** Send for a time. Throws ConfigurationError when a device cannot be opened. */
export async function exchange(o: ExchangeOptions): Promise<ExchangeResult> {
  const complete = o.streams.map((s) => completeStream(s, new Map()));
  const resolver = resolverGraph(complete);
  const router = await Router.create(
    resolver ?? compilePlan(generatorGraph(o.ports.length, complete).text, 'generator'),
    { ports: [...o.ports] },
  );
  const running = router.run(o.cpu);
  try {
    let streams = complete;
    if (resolver) {
      const asked = new Set(complete.flatMap((s) => (s.gateway === undefined ? [] : [s.from])));
      await waitForLinks(
        router,
        o.ports.map((d, i) => (asked.has(i) ? d : undefined)),
        o,
      );
      o.observe?.step?.('asking for the Ethernet addresses of the gateways');
      streams = await resolveGateways(router, complete, 3000, o.signal);
      await router.swap(compilePlan(generatorGraph(o.ports.length, streams).text, 'generator'));
    }
    const graph = generatorGraph(o.ports.length, streams);
    await waitForLinks(router, o.ports, o);
    o.observe?.step?.(`sending to ${o.ports.join(', ')}`);
    if (o.count !== undefined)
      for (const s of graph.sources) await router.write(`${s}.limit`, String(o.count));
    const rates = streams.map((s) => s.rate);
    const counts = await runTrial(
      router,
      { ...graph, rates, durationS: o.durationS, end: o.signal },
      o.observe?.progress,
    );
    const sizes = new Set(streams.map((s) => s.size));
    return {
      version: 1,
      config: null,
      dut: null,
      ports: [...o.ports],
      streams: streams.map((s) => ({ ...s })),
      trials: [trialResult(sizes.size === 1 ? streams[0]!.size : 'mixed', rates, counts)],
      pacing: await pacingOf(router, graph.sources, streams),
      search: null,
      ...(o.signal?.aborted ? { interrupted: true } : {}),
      environment: {
        ...environment(o.cpu ?? null, null),
        timestampErrorNs: await timestampError(router, graph.sinks[0]!, null),
      },
    };
  } finally {
    router.stop();
    await running;
    router.close();
  }
}

interface PacedSummary {
  packets: number;
  missed: number;
  elapsedNs: number;
  lateNs: { mean: number; p99: number; max: number } | null;
}

/** How well the sources kept their pace in the last trial. */
export async function pacingOf(
  g: Handlers,
  sources: readonly string[],
  streams: readonly Stream[],
): Promise<Pacing[]> {
  return Promise.all(
    sources.map(async (name, i): Promise<Pacing> => {
      const s = JSON.parse(await g.read(`${name}.summary`)) as PacedSummary;
      const askedPps = streams[i]!.rate;
      // A source's last packet ends its time where a number of packets is what ends it: the gaps are one fewer.
      const achievedPps = s.elapsedNs ? s.packets / (s.elapsedNs / 1e9) : 0;
      return {
        stream: i,
        name: streams[i]!.name ?? null,
        packets: s.packets,
        missed: s.missed,
        askedPps,
        achievedPps,
        errorRatio: askedPps && s.packets ? (achievedPps - askedPps) / askedPps : null,
        lateUs: s.lateNs && {
          mean: s.lateNs.mean / 1000,
          p99: s.lateNs.p99 / 1000,
          max: s.lateNs.max / 1000,
        },
      };
    }),
  );
}
