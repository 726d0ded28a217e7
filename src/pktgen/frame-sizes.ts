/** Frame sizes of a benchmark against what the router's receiving elements keep of a frame. */

import type { ResolvedGraph } from '../graph/resolved-graph.ts';
import { receiverOf } from './discover.ts';
import { FCS, LONGEST_FRAME } from './frames.ts';
import type { Stream } from './stream.ts';
import { parseSizes } from './stream-size.ts';

/** Says where frames would be cut, which then do not come back as they were sent. */
export function cutFrames(
  graph: ResolvedGraph,
  streams: readonly Stream[],
  sizes: readonly (string | undefined)[],
): string | undefined {
  for (const stream of streams) {
    const receiver = receiverOf(graph, stream.from);
    if (!receiver || stream.replay) continue;
    const lists = sizes.map((size) => parseSizes(size ?? stream.size));
    const bytes = lists.flatMap((s) => (typeof s === 'string' ? [] : s.list.map((x) => x.bytes)));
    const longest = Math.max(...bytes);
    if (longest - FCS > receiver.snapLength)
      return `frames of ${longest} bytes: ${receiver.name} cuts frames to ${receiver.snapLength} bytes (without check sequence); write FromDevice(${stream.from}, SNAPLEN ${LONGEST_FRAME})`;
  }
  return undefined;
}
