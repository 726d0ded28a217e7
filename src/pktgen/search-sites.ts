/** Where a search runs: beside a router that runs, or in simulated time. */

import type { Configuration, Router } from '../engine/router.ts';
import type { BenchOptions } from './bench.ts';
import { environment } from './environment.ts';
import { type GeneratorGraph, graphOutline } from './graph.ts';
import type { HostWatch } from './host-watch.ts';
import type { BenchResult, TrialResult } from './results.ts';
import type { SearchSize } from './schema-search.ts';
import { SEARCH_DEFAULTS, type SearchOptions, searchResult, searchSize, sizeOf } from './search.ts';
import { type Stream, totalRate } from './stream.ts';
import { type LoadTrial, liveBed } from './trials.ts';
import { recovery, reset } from './trials-events.ts';
import { simulatedBed, simulatedCompile } from './trials-simulated.ts';

export interface LivePlace {
  generatorMaxPps: number;
  /** Packets a second that came through at the highest rate. */
  forwarded: number | undefined;
  watch: HostWatch;
  /** undefined: it is not ours to restart. */
  restart: (() => Promise<void>) | undefined;
}

/** Search with a generator and a router that run. */
export function searchLive(
  o: BenchOptions,
  search: SearchOptions,
  generator: Router,
  graph: GeneratorGraph,
  streams: readonly Stream[],
  size: string | undefined,
  place: LivePlace,
): Promise<SearchSize> {
  const { signal } = o;
  const { restart } = place;
  return searchSize(search, {
    bed: liveBed(generator, graph, streams, {
      size,
      rampS: search.rampS,
      maxLoad: search.maxLoad ?? place.generatorMaxPps,
      drainMs: search.drainS * 1000,
      watch: place.watch,
      signal,
      progress: o.observe?.progress,
    }),
    size: size ?? streams[0]!.size,
    streams,
    generatorMaxPps: place.generatorMaxPps,
    forwarded: place.forwarded,
    step: (text) => o.observe?.step?.(text),
    overall: o.observe?.overall,
    recovery: (overload, reduced, durationS) =>
      recovery(generator, graph, streams, size, { overload, reduced, durationS, watch: place.watch, signal }),
    ...(restart && {
      reset: (load: number) => reset(generator, graph, streams, size, { load, restart, signal }),
    }),
  });
}

/** What a configuration does, in simulated time: the same on every machine. */
export async function simulatedBench(
  o: BenchOptions,
  configuration: Configuration,
  ports: number,
  streams: readonly Stream[],
): Promise<BenchResult> {
  const compile = simulatedCompile(o.file, {
    variables: o.variables ?? {},
    target: 'host',
    ...(o.resolveLibrary ? { resolveLibrary: o.resolveLibrary } : {}),
  });
  const trials: TrialResult[] = [];
  const searched: SearchSize[] = [];
  try {
    for (const size of o.sizes) {
      const label = size ?? streams[0]!.size;
      const { rampS, drainS } = o.search ?? SEARCH_DEFAULTS;
      const bed = simulatedBed(o.text, compile, ports, streams, {
        size,
        rampS,
        maxLoad: o.search?.maxLoad ?? Number.POSITIVE_INFINITY,
        drainMs: drainS * 1000,
        signal: o.signal,
        progress: o.observe?.progress,
      });
      const rate = o.rate === undefined ? 0 : totalRate(o.rate, streams, size);
      if (rate) {
        o.observe?.step?.(`size ${label}: at the given rate, in simulated time`);
        trials.push(simulatedTrial(label, rate, await bed.trial(rate, o.durationS)));
      }
      if (o.search)
        searched.push(
          await searchSize(o.search, {
            bed,
            size: label,
            streams,
            generatorMaxPps: null,
            step: (text) => o.observe?.step?.(`${text}, in simulated time`),
            overall: o.observe?.overall,
          }),
        );
    }
  } catch (e) {
    if (!o.signal?.aborted || !(trials.length || searched.length)) throw e;
  }
  return {
    version: 1,
    config: o.file,
    dut: {
      kind: 'simulated',
      vmm: 'simulated',
      why: 'as asked for',
      engine: 'dynamic',
      bootMs: null,
      memory: null,
      configText: o.text,
      graph: graphOutline(configuration.graph),
    },
    streams: streams.map((s) => ({ ...s })),
    trials,
    search: searched.length ? searchResult(o.search!, streams, searched) : null,
    ...(o.signal?.aborted ? { interrupted: true } : {}),
    generator: { maxTxPps: 0, maxRxPps: 0 },
    environment: { ...environment(null, null), timestamps: 'simulated clock, exact' },
  };
}

function simulatedTrial(label: string, rate: number, t: LoadTrial): TrialResult {
  return {
    size: sizeOf(label),
    offeredPps: rate,
    txPps: t.txPackets / t.elapsedS,
    rxPps: t.rxPackets / t.elapsedS,
    lossRatio: t.lossRatio,
    latencyUs: t.latencyUs,
    durationS: t.elapsedS,
    rate,
    txPackets: t.txPackets,
    rxPackets: t.rxPackets,
    missedPackets: t.missedPackets,
    lost: t.streams.reduce((n, s) => n + s.lost, 0),
    reordered: t.reordered,
    duplicates: t.duplicates,
    foreign: 0,
    txBitsPerS: 0,
    rxBitsPerS: 0,
    latencyAt: null,
    latencyAtMaxUs: null,
    latencyCurve: t.latencyCurve,
    generatorMaxPps: null,
    generatorLimited: false,
    exitsPerMillionPackets: null,
    streams: t.streams,
  };
}
