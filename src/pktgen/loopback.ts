/** The generator's own limit: one core makes packets and sends them through shared memory, another receives and checks. */

import { cpus } from 'node:os';
import { compilePlan, Router } from '../engine/router.ts';
import { completeStream } from './discover.ts';
import { environment } from './environment.ts';
import { loopGraph } from './graph.ts';
import type { Environment } from './results.ts';
import { type Stream, sourceElement } from './stream.ts';
import { type Counts, type Handlers, runTrial } from './trial.ts';

export interface LoopbackResult {
  version: 1;
  size: string;
  /** Packets a second. */
  sourcePps: number;
  sentPps: number;
  receivedPps: number;
  lost: number;
  receivedRatio: number;
  environment: Environment;
}

interface Party {
  router: Router;
  running: Promise<void>;
}

async function start(text: string, cpu: number | undefined): Promise<Party> {
  const router = await Router.create(compilePlan(text, 'generator'));
  return { router, running: router.run(cpu) };
}

async function end({ router, running }: Party): Promise<void> {
  router.stop();
  await running;
  router.close();
}

const pps = (c: Counts, packets: number): number => packets / c.durationS;

/** Measure for `durationS` seconds, twice. */
export async function loopback(
  given: Stream,
  durationS: number,
  signal?: AbortSignal,
): Promise<LoopbackResult> {
  const stream = completeStream(given, new Map());
  const cores = cpus().length;
  const [first, second] = cores > 1 ? [0, 1] : [undefined, undefined];
  const rates = [0];
  const alone = await start(`${sourceElement('stream0', 0, stream)}\nstream0 -> Discard;`, first);
  let made: Counts;
  try {
    made = await runTrial(alone.router, {
      sources: ['stream0'],
      sinks: [],
      rates,
      durationS,
      drainMs: 0,
      signal,
    });
  } finally {
    await end(alone);
  }
  const pipe = `loopback${process.pid}`;
  const graph = loopGraph(pipe, stream);
  const [sender, receiver] = [await start(graph.sender, first), await start(graph.receiver, second)];
  // Handlers by the side that has the element.
  const both: Handlers = {
    read: (h) => (h.startsWith('sink') ? receiver : sender).router.read(h),
    write: (h, v) => (h.startsWith('sink') ? receiver : sender).router.write(h, v),
  };
  try {
    const c = await runTrial(both, { ...graph, rates, durationS, signal });
    return {
      version: 1,
      size: stream.size,
      sourcePps: pps(made, made.tx.packets),
      sentPps: pps(c, c.tx.packets),
      receivedPps: pps(c, c.rx.packets),
      lost: c.tx.packets - c.rx.packets,
      receivedRatio: c.tx.packets ? c.rx.packets / c.tx.packets : 0,
      environment: environment(first ?? null, second ?? null),
    };
  } finally {
    await end(sender);
    await end(receiver);
  }
}
