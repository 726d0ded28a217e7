/**
 * Trials in simulated time: the generator and the router are one engine whose clock moves only as it works. Each trial
 * begins with a new router, and gives the same counts on every machine. It shows what a configuration does (rates,
 * queues, losses that it has by design), not how fast it is.
 */

import { type Configuration, compilePlan, Router } from '../engine/router.ts';
import { generatorGraph } from './graph.ts';
import type { Stream } from './stream.ts';
import { readCounts, type SourceSummary } from './trial.ts';
import { type Bed, type BedOptions, loadTrial, PRIME, shares, split, type TrialKind } from './trials.ts';

/** The whole generator is one element, so that its names and the router's cannot meet. */
const GENERATOR = 'clicklet_generator';
/** Simulated ns for each look at the clock, which is how exactly events are timed: a 20th of the time of a packet. */
const tickNs = (load: number): number => Math.max(1, Math.min(20_000, Math.round(5e7 / load)));
/** Finer for bursts: what sleeps is woken by the first frames only after some looks, and they must not gather meanwhile. */
const BURST_TICKS = 20;
/** Addresses are learnt before the trial, at this rate, for this long. */
const LEARN_PPS = 1000;
const LEARN_S = 0.05;

let serial = 0;

/** `text`, `compile`: the configuration under test and how to compile it with more text behind it. */
export function simulatedBed(
  text: string,
  compile: (text: string) => Configuration,
  ports: number,
  streams: readonly Stream[],
  o: BedOptions,
): Bed {
  const parts = shares(streams);
  const graph = generatorGraph(ports, streams, { ramp: true });
  const inside = (name: string) => `${GENERATOR}/${name}`;
  const sources = graph.sources.map(inside);
  const sinks = graph.sinks.map(inside);
  const drainS = o.drainMs / 1000;
  /** Each trial has random numbers of its own, the same ones in every search. */
  let trial = 0;

  /** What the generator does, as a Script: learn addresses, forget, send uncounted and counted packets, wait, stop. */
  const script = (
    load: number,
    durationS: number,
    limits: readonly number[] | undefined,
    primed: boolean,
  ): string => {
    const set = (handler: string, values: readonly (string | number)[], names = graph.sources) =>
      names.map((s, i) => `write ${s}.${handler} ${values[i]}`);
    const all = (value: string | number) => graph.sources.map(() => value);
    const rates = split(load, parts);
    const faster = split(Math.min(PRIME * load, Math.max(load, o.maxLoad)), parts);
    const rampS = limits ? 0 : o.rampS;
    const primeS = primed ? rampS / 2 : 0;
    const during = (s: number, names: string[]) =>
      s ? [...set('active', all('true'), names), `wait ${s}s`, ...set('active', all('false'), names)] : [];
    const steps = [
      ...(o.size === undefined
        ? []
        : [graph.sources, graph.rampSources, graph.primeSources].flatMap((names) =>
            set('size', all(o.size!), names),
          )),
      ...set('rate', all(LEARN_PPS)),
      ...set('active', all('true')),
      `wait ${LEARN_S}s`,
      ...set('active', all('false')),
      `wait ${Math.max(0.05, drainS)}s`,
      ...graph.sources.map((s) => `write ${s}.reset`),
      ...graph.sinks.map((s) => `write ${s}.reset`),
      ...set('rate', rates),
      ...set('duration', all(`${durationS}s`)),
      ...set('limit', limits ?? all(-1)),
      ...set('rate', rates, graph.rampSources),
      ...set('rate', faster, graph.primeSources),
      ...during(primeS, graph.primeSources),
      ...during(rampS - primeS, graph.rampSources),
      ...set('active', all('true')),
      `wait ${durationS + drainS}s`,
      'stop',
    ];
    return `Script(${steps.join(', ')});`;
  };

  return {
    async trial(load, durationS, { packets, primed = false }: TrialKind = {}) {
      o.signal?.throwIfAborted();
      const name = `simulated${process.pid}-${serial++}`;
      const generator = graph.text.replace(
        /\b(From|To)Device\((\d+)(?=[,)])/g,
        (_, way, port) => `${way}Device(pipe:${name}.${port}/a`,
      );
      const limits = packets === undefined ? undefined : split(packets, parts);
      const whole = `${text}\n${GENERATOR} :: {\n${generator}\n${script(load, durationS, limits, primed)}\nRandomSeed(${++trial});\n};\n`;
      const specs = Array.from({ length: ports }, (_, i) => `pipe:${name}.${i}/b`);
      const router = await Router.create(compile(whole), {
        ports: specs,
        simulatedTime: true,
        simulatedTick: tickNs(packets === undefined ? load : BURST_TICKS * load),
      });
      const stop = () => router.stop();
      o.signal?.addEventListener('abort', stop);
      try {
        await router.run();
        o.signal?.throwIfAborted();
        const summaries = await Promise.all(
          sources.map(async (s) => JSON.parse(await router.read(`${s}.summary`)) as SourceSummary),
        );
        const counts = await readCounts(
          router,
          { sources, sinks, outputs: graph.outputs.map(inside), rates: split(load, parts), durationS },
          summaries,
        );
        const t = loadTrial(load, durationS, counts);
        o.progress?.({
          elapsedS: durationS,
          durationS,
          tx: t.txPackets,
          rx: t.rxPackets,
          latency: counts.histogram.totalCount
            ? { count: counts.histogram.totalCount, meanNs: counts.histogram.mean }
            : null,
        });
        return t;
      } finally {
        o.signal?.removeEventListener('abort', stop);
        router.close();
      }
    },
  };
}

/** Compiles as `compilePlan` does. */
export const simulatedCompile =
  (file: string, options: Parameters<typeof compilePlan>[2]) =>
  (text: string): Configuration =>
    compilePlan(text, file, options);
