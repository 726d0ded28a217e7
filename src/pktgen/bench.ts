/** A benchmark from a configuration to a result: boot, warm up, trials for each size, latency, stop. */

import { cpus } from 'node:os';
import { type Configuration, compilePlan, Router } from '../engine/router.ts';
import type { Diagnostic } from '../lang/diagnostics.ts';
import type { VmmChoice } from '../vm/vmm.ts';
import { completeStream, discover, foreignDevices, portCount } from './discover.ts';
import {
  type Dut,
  deviceSite,
  type EngineChoice,
  isDeviceDut,
  placeOf,
  portsOfDut,
  processSite,
  type Site,
  vmSite,
} from './dut.ts';
import { environment, timestampError } from './environment.ts';
import { cutFrames } from './frame-sizes.ts';
import { type GeneratorGraph, generatorGraph, graphOutline, loopGraph } from './graph.ts';
import { boundThread, busiestThread, type HostWatch, hostWatch } from './host-watch.ts';
import { waitForLinks } from './links.ts';
import { atHighPriority } from './priority.ts';
import { resolveGateways, resolverGraph } from './resolve.ts';
import type { BenchResult, TrialResult } from './results.ts';
import type { SearchSize } from './schema-search.ts';
import { type SearchOptions, searchResult } from './search.ts';
import type { MlrProgress } from './search-mlr.ts';
import { searchLive, simulatedBench } from './search-sites.ts';
import { isTracked, rateAt, type Stream, shareOf, totalRate } from './stream.ts';
import type { Load } from './stream-rate.ts';
import { type Counts, type Progress, runTrial } from './trial.ts';
import { trialResult } from './trial-result.ts';
import { hasTraceTiming, sizeLabel, traceLength, untrackedOf, untrackedProblem } from './untracked.ts';
import { BenchError, startWarmUp, warmUp } from './warm-up.ts';

export type DutChoice =
  | 'auto'
  | 'vm'
  | 'process'
  | 'simulated'
  | `tap:${string}`
  | `vhost-user:${string}`
  | `iface:${string}`;

export interface BenchOptions {
  text: string;
  file: string;
  variables?: Record<string, string>;
  resolveLibrary?: (name: string) => { file: string; text: string } | undefined;
  dut: DutChoice;
  vmm: VmmChoice;
  /** Default: dynamic. */
  engine?: EngineChoice;
  memBytes?: number;
  streams: readonly Stream[];
  /** Each is one trial: `64`, `imix`, ... undefined: the streams' own sizes. */
  sizes: readonly (string | undefined)[];
  /** Of all streams together: packets a second, or bits; 0: as fast as possible; undefined: the streams' own rates. */
  rate: number | Load | undefined;
  durationS: number;
  /** Look for the rates that the router bears, at each size; undefined: only the trials. */
  search?: SearchOptions;
  observe?: Observer;
  /** Ends the benchmark early with an AbortError; everything is stopped. */
  signal?: AbortSignal;
}

/** What happens, as it happens: for progress displays. */
export interface Observer {
  /** A new step begins. */
  step?(text: string): void;
  /** Something worth telling. */
  note?(text: string): void;
  progress?: Progress;
  /** How far the search is. */
  overall?: MlrProgress;
  warnings?(list: readonly Diagnostic[]): void;
}

const LATENCY_FRACTION = 0.5;

/**
 * Run a benchmark. Throws ConfigurationError, HostError, VmError or BenchError; leaves nothing running. Where the choice
 * is left to us, what cannot run on this host is replaced by the next best, and the result says why.
 */
export async function runBench(o: BenchOptions): Promise<BenchResult> {
  return atHighPriority(() => firstThatRuns(o));
}

async function firstThatRuns(o: BenchOptions): Promise<BenchResult> {
  const compile = (target: 'host' | 'guest') =>
    compilePlan(o.text, o.file, {
      variables: o.variables ?? {},
      target,
      ...(o.resolveLibrary ? { resolveLibrary: o.resolveLibrary } : {}),
    });
  const onHost = compile('host');
  o.observe?.warnings?.(onHost.warnings);
  const count = checkPorts(onHost, o);
  o.observe?.step?.('reading the configuration');
  // What runs elsewhere may name devices of that place: they are not opened here.
  const elsewhere = isDeviceDut(o.dut) && foreignDevices(onHost.graph).length > 0;
  const addresses = elsewhere
    ? new Map()
    : await probe(onHost, o.file, Math.max(count, portCount(onHost.graph)));
  const streams = o.streams.map((s) => completeStream(s, addresses));
  if (o.dut === 'simulated') return simulatedBench(o, onHost, count, streams);
  const candidates = sites(o, count);
  for (let why = ''; ; ) {
    const candidate = candidates.shift()!;
    let site: Site | undefined;
    try {
      site = candidate(why);
      const configuration = site.kind === 'vm' ? compile('guest') : onHost;
      return await benchAt(site, o, configuration, count, streams);
    } catch (e) {
      if (!candidates.length || !(e instanceof Error && 'exitCode' in e && e.exitCode === 3)) throw e;
      why = e.message;
      o.observe?.note?.(why);
    } finally {
      site?.close();
    }
  }
}

/** The places to try, best first. Each is given why the one before it was of no use. */
function sites(o: BenchOptions, ports: number): ((why: string) => Site)[] {
  const engine = o.engine ?? 'dynamic';
  const asked = () => processSite(ports, engine, 'as asked for');
  if (isDeviceDut(o.dut)) return [() => deviceSite(o.dut)];
  if (o.dut === 'process') return [asked];
  const list: ((why: string) => Site)[] = [() => vmSite(ports, o.vmm, engine, o.memBytes)];
  if (o.vmm !== 'auto') return list;
  list.push((why) => vmSite(ports, 'qemu', engine, o.memBytes, why));
  if (o.dut === 'auto') list.push((why) => processSite(ports, engine, `no virtual machine: ${why}`));
  return list;
}

async function benchAt(
  site: Site,
  o: BenchOptions,
  configuration: Configuration,
  count: number,
  given: readonly Stream[],
): Promise<BenchResult> {
  o.observe?.note?.(`device under test: ${placeOf[site.vmm]}: ${site.why}`);
  if (site.prepare) {
    o.observe?.step?.('compiling the router');
    await site.prepare(configuration, o.signal);
  }
  const cores = cpus().length;
  const generatorCpu = cores > 1 ? 0 : null;
  const dutCpu = cores > 1 ? 1 : null;
  const resolver = resolverGraph(given);
  if (resolver && site.kind !== 'device')
    throw new BenchError('gateway is for devices: the addresses of a router that is started here are known');
  let streams = given;
  const ramp = o.search !== undefined;
  let graph = generatorGraph(count, streams, { ramp });
  let generator: Router | undefined;
  let dut: Dut | undefined;
  let running: Promise<void> | undefined;
  try {
    const limits: Limits = new Map();
    for (const size of o.sizes) {
      o.observe?.step?.(`the generator's own limit${size ? `, size ${size}` : ''}`);
      limits.set(size, await loopLimit(given[0]!, size, generatorCpu, o.signal));
    }
    generator = await Router.create(resolver ?? generatorConfiguration(graph), {
      ports: site.generatorPorts,
    });
    running = generator.run(generatorCpu ?? undefined);
    const devices = site.kind === 'device' ? site.generatorPorts : [];
    if (resolver) {
      const asked = new Set(given.flatMap((s) => (s.gateway === undefined ? [] : [s.from])));
      await waitForLinks(
        generator,
        devices.map((d, i) => (asked.has(i) ? d : undefined)),
        o,
      );
      streams = await resolveGateways(generator, given, 3000, o.signal);
      graph = generatorGraph(count, streams, { ramp });
      await generator.swap(generatorConfiguration(graph));
    }
    await waitForLinks(generator, devices, o);
    await startWarmUp(generator, graph, streams);
    if (site.kind !== 'device')
      o.observe?.step?.(site.kind === 'vm' ? 'booting the router' : 'starting the router');
    dut = await site.start(configuration, o.file, dutCpu ?? undefined);
    o.observe?.step?.('warming up');
    await warmUp(generator, graph, streams, dut, site, o.signal);
    const warm = streams.some(isTracked);
    let bootMs = warm ? await dut.bootMs() : null;
    const trials: TrialResult[] = [];
    const searched: SearchSize[] = [];
    const peer = site.kind === 'device' ? await peerOf(generator, graph) : null;
    const watch = hostWatch(
      () => boundThread('self', generatorCpu),
      () => (dut?.pid ? boundThread(dut.pid, dutCpu) : peer ? busiestThread(peer) : undefined),
    );
    const restart = async () => {
      await dut?.stop();
      dut = undefined;
      dut = await site.start(configuration, o.file, dutCpu ?? undefined);
    };
    try {
      for (const size of o.sizes) {
        const limit = limits.get(size)!;
        const trial = await measure(o, generator, graph, streams, dut, size, limit, watch);
        trials.push(trial);
        o.signal?.throwIfAborted();
        if (o.search)
          searched.push(
            await searchLive(o, o.search, generator, graph, streams, size, {
              generatorMaxPps: Math.min(limit.tx, limit.rx),
              forwarded: trial.rate === 'max' ? trial.rxPps : undefined,
              watch,
              restart: site.kind === 'device' ? undefined : restart,
            }),
          );
      }
    } catch (e) {
      if (!o.signal?.aborted || !trials.length) throw e;
    }
    if (!warm && dut) bootMs = await dut.bootMs();
    const limit = limits.get(o.sizes[0])!;
    return {
      version: 1,
      config: o.file,
      dut: {
        kind: site.kind,
        vmm: site.vmm,
        why: site.why,
        engine: site.engine,
        bootMs,
        memory: dut?.memory() ?? null,
        configText: o.text,
        ...(site.kind === 'device' ? { watchedPid: peer } : {}),
        graph: graphOutline(configuration.graph),
      },
      streams: streams.map((s) => ({ ...s })),
      trials,
      search: o.search && searched.length ? searchResult(o.search, streams, searched) : null,
      ...(o.signal?.aborted ? { interrupted: true } : {}),
      generator: { maxTxPps: limit.tx, maxRxPps: limit.rx },
      environment: {
        ...environment(generatorCpu, dutCpu),
        timestampErrorNs: await timestampError(generator, graph.sinks[0]!, limit.tx),
      },
    };
  } finally {
    await dut?.stop();
    generator?.stop();
    await running;
    generator?.close();
  }
}

/** The process behind the vhost-user sockets that a device under test connected to; null: it is not known. */
async function peerOf(generator: Router, graph: GeneratorGraph): Promise<number | null> {
  const pids = await Promise.all(graph.outputs.map(async (d) => Number(await generator.read(`${d}.peer`))));
  return pids.find((pid) => pid > 0) ?? null;
}

type Limits = Map<string | undefined, { tx: number; rx: number }>;

const generatorConfiguration = (g: GeneratorGraph): Configuration => compilePlan(g.text, 'generator');

function checkPorts(c: Configuration, o: BenchOptions): number {
  const foreign = foreignDevices(c.graph);
  if (foreign.length && !isDeviceDut(o.dut))
    throw new BenchError(
      `${o.file}: a benchmark drives the numbered ports FromDevice(0), ToDevice(1) and so on; these are none: ${foreign.join(', ')}`,
    );
  const count = isDeviceDut(o.dut) ? portsOfDut(o.dut).length : portCount(c.graph);
  if (count === 0)
    throw new BenchError(`${o.file}: nothing to drive: there is no FromDevice(0) and no ToDevice(0)`);
  const problem = untrackedProblem(o);
  if (problem) throw new BenchError(problem);
  const cut = isDeviceDut(o.dut) ? undefined : cutFrames(c.graph, o.streams, o.sizes);
  if (cut) throw new BenchError(`${o.file}: ${cut}`);
  const beyond = Math.max(...o.streams.flatMap((s) => [s.from, s.to]));
  if (beyond >= count)
    throw new BenchError(
      `${o.file}: a stream uses port ${beyond}, but the configuration has ${count === 1 ? 'only port 0' : `ports 0 to ${count - 1}`}`,
    );
  return count;
}

/** The router once in this process, without traffic: its elements check their arguments and tell its addresses. */
async function probe(c: Configuration, file: string, ports: number) {
  const specs = Array.from({ length: ports }, (_, i) => `pipe:probe${process.pid}.${i}/b`);
  const router = await Router.create(c, { file, ports: specs });
  try {
    return await discover(c.graph, (h) => router.read(h));
  } finally {
    router.close();
  }
}

/** What the generator does alone, on its own thread: sending to itself through memory. */
async function loopLimit(
  given: Stream,
  size: string | undefined,
  cpu: number | null,
  signal: AbortSignal | undefined,
) {
  const { replay } = given;
  const stream = replay ? { ...given, replay: { ...replay, speed: 0, loop: 0 } } : given;
  const graph = loopGraph(`loop${process.pid}`, stream);
  const router = await Router.create(generatorConfiguration(graph));
  const running = router.run(cpu ?? undefined);
  try {
    const counts = await runTrial(router, {
      sources: graph.sources,
      sinks: graph.sinks,
      outputs: graph.outputs,
      untracked: untrackedOf([stream]),
      rates: [0],
      durationS: 0.3,
      signal,
      ...(size ? { size } : {}),
    });
    return { tx: counts.tx.packets / counts.durationS, rx: counts.rx.packets / counts.durationS };
  } finally {
    router.stop();
    await running;
    router.close();
  }
}

/** The trial of one size: throughput, and where that was at max rate, latency at half of it. */
async function measure(
  o: BenchOptions,
  generator: Router,
  graph: GeneratorGraph,
  streams: readonly Stream[],
  dut: Dut,
  size: string | undefined,
  limit: { tx: number; rx: number },
  watch: HostWatch,
): Promise<TrialResult> {
  const label = size ?? sizeLabel(streams);
  const untracked = untrackedOf(streams);
  const share = shareOf(streams);
  const all = o.rate === undefined ? undefined : totalRate(o.rate, streams, size);
  const rates = streams.map((s, i) => (all === undefined ? rateAt(s, size) : all * share[i]!));
  const traced = streams.map((s, i) => rates[i] === 0 && hasTraceTiming(s));
  const kind = traced.every(Boolean) ? 'trace' : rates.some((r, i) => !r && !traced[i]) ? 'max' : 'asked';
  const drainMs = 200;
  const asSize = size ? { size } : {};
  const pace = { max: 'as fast as the router takes them', asked: 'at the given rate', trace: 'as captured' };
  o.observe?.step?.(`size ${label}: ${pace[kind]}`);
  const before = await dut.exits();
  const first = await runTrial(
    generator,
    { ...graph, untracked, rates, durationS: o.durationS, drainMs, watch, end: o.signal, ...asSize },
    o.observe?.progress,
  );
  const after = await dut.exits();
  let latency: Counts = first;
  const rxPps = first.rx.packets / first.durationS;
  if (kind === 'max' && first.rx.packets > 0 && !untracked.length && !o.signal?.aborted) {
    o.observe?.step?.(`size ${label}: latency at half of that rate`);
    const durationS = Math.min(2, Math.max(0.5, o.durationS * 0.4));
    const half = share.map((part) => LATENCY_FRACTION * rxPps * part);
    latency = await runTrial(
      generator,
      { ...graph, rates: half, durationS, drainMs, watch, signal: o.signal, ...asSize },
      o.observe?.progress,
    );
  }
  const exits = before === null || after === null ? null : after - before;
  return {
    ...trialResult(label, rates, first, latency, kind),
    untracked: first.untracked && {
      ...first.untracked,
      tracePackets: await traceLength(generator, graph, streams),
    },
    generatorMaxPps: limit.rx,
    generatorLimited: rxPps > 0.9 * limit.rx,
    exitsPerMillionPackets: exits === null || !first.rx.packets ? null : (exits / first.rx.packets) * 1e6,
  };
}
