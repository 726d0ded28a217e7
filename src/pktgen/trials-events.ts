/** Tests that watch what happens over time in a running router: recovery from an overload, and a restart. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { GeneratorGraph } from './graph.ts';
import type { Stream } from './stream.ts';
import { type Handlers, resetTrial } from './trial.ts';
import { shares } from './trials.ts';

const POLL_MS = 2;
/** A restart that takes longer is none. */
const RESET_LIMIT_S = 30;
/** No loss for this long, or traffic for this long: it is over. */
const QUIET_S = 0.5;

const total = async (g: Handlers, names: readonly string[], handler: string): Promise<number> =>
  (await Promise.all(names.map((n) => g.read(`${n}.${handler}`)))).reduce((n, x) => n + Number(x), 0);

const write = async (g: Handlers, names: readonly string[], handler: string, value: string | number[]) => {
  await Promise.all(
    names.map((n, i) => g.write(`${n}.${handler}`, typeof value === 'string' ? value : String(value[i]))),
  );
};

/** Watches a counter: when it last changed, the longest time without a change, and how far apart the looks were. */
class Watch {
  lastChange: number;
  longestGap = 0;
  resolution = 0;
  #value: number;
  #look: number;
  constructor(value: number, now: number) {
    this.#value = value;
    this.lastChange = now;
    this.#look = now;
  }
  look(value: number, now: number): boolean {
    this.resolution = Math.max(this.resolution, now - this.#look);
    this.#look = now;
    if (value === this.#value) return false;
    this.#value = value;
    this.longestGap = Math.max(this.longestGap, now - this.lastChange);
    this.lastChange = now;
    return true;
  }
}

/** Counts the packets that were not sent because there was no room: those missed between two looks if a port was full. */
function refusals(g: Handlers, graph: GeneratorGraph): () => Promise<number> {
  const outputs = [...new Set(graph.outputs)];
  let [refused, missed, fullNs] = [0, 0, 0];
  return async () => {
    const now = await total(g, graph.sources, 'missed');
    const nowFull = await total(g, outputs, 'full_time');
    if (nowFull > fullNs) refused += now - missed;
    [missed, fullNs] = [now, nowFull];
    return refused;
  };
}

async function prepare(g: Handlers, graph: GeneratorGraph, size: string | undefined): Promise<void> {
  await resetTrial(g, { ...graph, ramp: { sources: graph.rampSources, durationS: 0 } });
  const all = [...graph.sources, ...graph.rampSources];
  await write(g, all, 'duration', '0');
  if (size !== undefined) await write(g, all, 'size', size);
}

/** No recovery takes longer. */
const RECOVERY_LIMIT_S = 10;

/**
 * RFC 2544, section 26.5: overload, then half of it; the time until the last packet is lost; null: packets were still lost
 * when that was given up. What the generator does not send because it was held up is no loss, unless its port was full.
 */
export async function recovery(
  g: Handlers,
  graph: GeneratorGraph,
  streams: readonly Stream[],
  size: string | undefined,
  o: {
    overload: number;
    reduced: number;
    durationS: number;
    limitS?: number;
    signal?: AbortSignal | undefined;
  },
): Promise<{ seconds: number | null; resolutionS: number }> {
  const wait = o.signal ? { signal: o.signal } : {};
  const parts = shares(streams);
  await prepare(g, graph, size);
  await write(
    g,
    graph.rampSources,
    'rate',
    parts.map((p) => p * o.overload),
  );
  await write(
    g,
    graph.sources,
    'rate',
    parts.map((p) => p * o.reduced),
  );
  await write(g, graph.rampSources, 'active', 'true');
  await sleep(o.durationS * 1000, undefined, wait);
  const refused = refusals(g, graph);
  const lost = async () => (await refused()) + (await total(g, graph.sinks, 'lost'));
  await Promise.all([
    write(g, graph.rampSources, 'active', 'false'),
    write(g, graph.sources, 'active', 'true'),
  ]);
  const changed = performance.now();
  const watch = new Watch(await lost(), changed);
  while (
    performance.now() - watch.lastChange < QUIET_S * 1000 &&
    performance.now() - changed < (o.limitS ?? RECOVERY_LIMIT_S) * 1000
  ) {
    await sleep(POLL_MS, undefined, wait);
    watch.look(await lost(), performance.now());
  }
  await write(g, graph.sources, 'active', 'false');
  const over = performance.now() - watch.lastChange >= QUIET_S * 1000;
  return {
    seconds: over ? (watch.lastChange - changed) / 1000 : null,
    resolutionS: watch.resolution / 1000,
  };
}

/** RFC 2544, section 26.6, as RFC 6201 has it: restart the router under a load; the time without forwarding. */
export async function reset(
  g: Handlers,
  graph: GeneratorGraph,
  streams: readonly Stream[],
  size: string | undefined,
  o: { load: number; restart: () => Promise<void>; signal?: AbortSignal | undefined },
): Promise<{ byLossS: number; byTimeS: number; resolutionS: number }> {
  const wait = o.signal ? { signal: o.signal } : {};
  await prepare(g, graph, size);
  await write(
    g,
    graph.sources,
    'rate',
    shares(streams).map((p) => p * o.load),
  );
  await write(g, graph.sources, 'active', 'true');
  await sleep(300, undefined, wait);
  let restarted = false;
  const refused = refusals(g, graph);
  const watch = new Watch(await total(g, graph.sinks, 'count'), performance.now());
  const started = performance.now();
  const restart = o.restart().then(() => {
    restarted = true;
  });
  let failure: unknown;
  restart.catch((e: unknown) => {
    failure = e;
  });
  let back: number | undefined; // when the first packet came after the restart
  while (back === undefined || performance.now() - back < QUIET_S * 1000) {
    await sleep(POLL_MS, undefined, wait);
    if (failure) throw failure;
    await refused();
    const now = performance.now();
    const came = watch.look(await total(g, graph.sinks, 'count'), now);
    if (restarted && came) back ??= now;
    if (back === undefined && now - started > RESET_LIMIT_S * 1000) {
      await restart;
      throw new Error(`nothing came through the router for ${RESET_LIMIT_S} s after its restart`);
    }
  }
  await restart;
  await write(g, graph.sources, 'active', 'false');
  await sleep(200, undefined, wait);
  const sent = (await total(g, graph.sources, 'count')) + (await refused());
  const came = await total(g, graph.sinks, 'count');
  return {
    byLossS: Math.max(0, sent - came) / o.load,
    byTimeS: watch.longestGap / 1000,
    resolutionS: watch.resolution / 1000,
  };
}
