/** The generator alone: what it sent to devices, and what came back. */

import { compilePlan, Router } from '../engine/router.ts';
import type { Observer } from './bench.ts';
import { completeStream } from './discover.ts';
import { environment } from './environment.ts';
import { generatorGraph } from './graph.ts';
import type { Environment, TrialResult } from './results.ts';
import type { Stream } from './stream.ts';
import { runTrial } from './trial.ts';
import { trialResult } from './trial-result.ts';

export interface ExchangeOptions {
  /** Device specs of ports 0, 1, ... */
  ports: readonly string[];
  streams: readonly Stream[];
  durationS: number;
  cpu?: number | undefined;
  observe?: Observer;
  signal?: AbortSignal;
}

export interface ExchangeResult {
  version: 1;
  config: null;
  dut: null;
  ports: string[];
  streams: Record<string, unknown>[];
  trials: TrialResult[];
  search: null;
  environment: Environment;
}

/** Send for a time. Throws ConfigurationError when a device cannot be opened. */
export async function exchange(o: ExchangeOptions): Promise<ExchangeResult> {
  const streams = o.streams.map((s) => completeStream(s, new Map()));
  const graph = generatorGraph(o.ports.length, streams);
  const router = await Router.create(compilePlan(graph.text, 'generator'), { ports: [...o.ports] });
  const running = router.run(o.cpu);
  try {
    o.observe?.step?.(`sending to ${o.ports.join(', ')}`);
    const rates = streams.map((s) => s.rate);
    const counts = await runTrial(
      router,
      { ...graph, rates, durationS: o.durationS, signal: o.signal },
      o.observe?.progress,
    );
    return {
      version: 1,
      config: null,
      dut: null,
      ports: [...o.ports],
      streams: streams.map((s) => ({ ...s })),
      trials: [trialResult(streams[0]!.size, rates, counts)],
      search: null,
      environment: environment(o.cpu ?? null, null),
    };
  } finally {
    router.stop();
    await running;
    router.close();
  }
}
