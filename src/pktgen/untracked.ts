/** Streams whose packets have no signature: replays of traces, and what was asked to have none. */

import type { GeneratorGraph } from './graph.ts';
import { isTracked, type Stream } from './stream.ts';
import type { Handlers } from './trial.ts';

/** The numbers of the streams whose packets the sink cannot know. */
export const untrackedOf = (streams: readonly Stream[]): number[] =>
  streams.flatMap((s, i) => (isTracked(s) ? [] : [i]));

/** Sent when its trace file says: it has no rate. */
export const hasTraceTiming = (s: Stream): boolean => !!s.replay && s.replay.speed > 0 && s.rate === 0;

/** What a trial of the streams' own sizes is called. */
export const sizeLabel = (streams: readonly Stream[]): string =>
  streams.every((s) => s.replay) ? 'trace' : streams.find((s) => !s.replay)!.size;

/** What cannot be done with such streams, or undefined: there are only frames to count. */
export function untrackedProblem(o: {
  streams: readonly Stream[];
  sizes: readonly (string | undefined)[];
  search?: unknown;
  dut: string;
}): string | undefined {
  if (o.streams.every(isTracked)) return undefined;
  if (o.search)
    return 'a search knows packets by their signature: measure replayed and untracked streams with --rate, or --search none';
  if (o.dut === 'simulated')
    return 'replayed and untracked streams are for a router in real time, not --dut simulated';
  if (o.streams.some((s) => s.replay) && o.sizes.some((x) => x !== undefined))
    return '--size is not for replays: the trace file has its own sizes';
  return undefined;
}

/** The packets of all trace files, as often as each is sent; null: there is none, or one without end. */
export async function traceLength(
  generator: Handlers,
  graph: GeneratorGraph,
  streams: readonly Stream[],
): Promise<number | null> {
  const each = await Promise.all(
    streams.map(
      async (s, i) => s.replay && s.replay.loop * Number(await generator.read(`${graph.sources[i]}.packets`)),
    ),
  );
  const finite = each.filter((n) => n !== undefined);
  return finite.length && finite.every((n) => n > 0) ? finite.reduce((a, b) => a + b, 0) : null;
}
