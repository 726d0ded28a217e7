/** Tests that watch what happens over time in a running router: recovery from an overload, and a restart. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { GeneratorGraph } from './graph.ts';
import type { HostWatch } from './host-watch.ts';
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

/** Packets that were not sent because there was no room. */
interface Refused {
  /** Those missed between two looks if a port was full meanwhile ... */
  all: number;
  /** ... but not where it was full for so long at a time that the other side did not run (ToDevice's `stalled_time`). */
  running: number;
  stalledNs: number;
}

function refusals(g: Handlers, graph: GeneratorGraph): () => Promise<Refused> {
  const outputs = [...new Set(graph.outputs)];
  const r: Refused = { all: 0, running: 0, stalledNs: 0 };
  let [missed, fullNs, stalledNs, first] = [0, 0, 0, true];
  return async () => {
    const now = await total(g, graph.sources, 'missed');
    const nowFull = await total(g, outputs, 'full_time');
    const nowStalled = await total(g, outputs, 'stalled_time');
    if (nowFull > fullNs) r.all += now - missed;
    if (nowFull > fullNs && nowStalled === stalledNs) r.running += now - missed;
    if (!first) r.stalledNs += nowStalled - stalledNs;
    [missed, fullNs, stalledNs, first] = [now, nowFull, nowStalled, false];
    return r;
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
/** Stalls are the host's if it kept the router, or the generator, from running for at least this part of them. */
const EXPLAINED = 0.8;

/**
 * RFC 2544, section 26.5: overload, then half of it; the time until the last packet is lost; null: packets were still lost
 * when that was given up. What the generator does not send because it was held up is no loss, unless its port was full; nor is
 * what a full port refuses while the host keeps the router from running, as far as `watch` knows of it.
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
    watch?: HostWatch | undefined;
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
  const look = async () => {
    const r = await refused();
    const lost = await total(g, graph.sinks, 'lost');
    return { all: lost + r.all, running: lost + r.running, stalledNs: r.stalledNs };
  };
  const ended = o.watch?.begin();
  await Promise.all([
    write(g, graph.rampSources, 'active', 'false'),
    write(g, graph.sources, 'active', 'true'),
  ]);
  const changed = performance.now();
  let seen = await look();
  const all = new Watch(seen.all, changed);
  const running = new Watch(seen.running, changed);
  while (
    performance.now() - running.lastChange < QUIET_S * 1000 &&
    performance.now() - changed < (o.limitS ?? RECOVERY_LIMIT_S) * 1000
  ) {
    await sleep(POLL_MS, undefined, wait);
    seen = await look();
    const now = performance.now();
    all.look(seen.all, now);
    running.look(seen.running, now);
  }
  const heldUp = ended?.();
  await write(g, graph.sources, 'active', 'false');
  const hostNs = 1e9 * ((heldUp?.generator ?? 0) + (heldUp?.router ?? 0));
  const watch = seen.stalledNs > 0 && hostNs >= EXPLAINED * seen.stalledNs ? running : all;
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
  const sent = (await total(g, graph.sources, 'count')) + (await refused()).all;
  const came = await total(g, graph.sinks, 'count');
  return {
    byLossS: Math.max(0, sent - came) / o.load,
    byTimeS: watch.longestGap / 1000,
    resolutionS: watch.resolution / 1000,
  };
}
