import { describe, expect, it } from 'vitest';
import { generatorGraph } from '../../../src/pktgen/graph.ts';
import { checkStreams } from '../../../src/pktgen/stream.ts';
import { recovery } from '../../../src/pktgen/trials-events.ts';

const streams = checkStreams({ streams: [{}] });
const graph = generatorGraph(2, streams, { ramp: true });

/** A generator whose counters say what a recovery is like, by the number of looks since the overload ended. */
function generator(counters: (look: number) => { missed?: number; full_time?: number; lost?: number }) {
  let looks = 0;
  let reduced = false;
  return {
    async read(handler: string): Promise<string> {
      const [element, name] = handler.split('.') as [string, string];
      // The numbers of a look are read one after the other, those of the sources first.
      if (reduced && handler === 'stream0.missed') looks++;
      if (!['missed', 'full_time', 'lost'].includes(name) || element === 'sink0') return '0';
      return String(counters(looks)[name as 'missed'] ?? 0);
    },
    async write(handler: string, value?: string): Promise<void> {
      if (handler === 'stream0.active' && value === 'true') reduced = true;
    },
  };
}
const measure = (counters: Parameters<typeof generator>[0], limitS?: number) =>
  recovery(generator(counters), graph, streams, undefined, {
    ...{ overload: 1100, reduced: 550, durationS: 0.01 },
    ...(limitS === undefined ? {} : { limitS }),
  });

describe('recovery', () => {
  it('ends with the last packet that is lost, or for which there was no room', async () => {
    const { seconds: none } = await measure(() => ({}));
    expect(none).toBe(0);
    const { seconds: lost } = await measure((look) => ({ lost: Math.min(look, 5) }));
    expect(lost).toBeGreaterThan(0);
    const { seconds: refused } = await measure((look) => {
      const n = Math.min(look, 5);
      return { missed: n, full_time: n * 1000 };
    });
    expect(refused).toBeGreaterThan(0);
  });

  it('is not what the generator could not send while there was room', async () => {
    expect((await measure((look) => ({ missed: look }))).seconds).toBe(0);
    // The port was full before, in the overload.
    expect((await measure((look) => ({ missed: 1000 + look, full_time: 5000 }))).seconds).toBe(0);
  });

  it('is not known where there is no end to the loss', async () => {
    expect((await measure((look) => ({ lost: look }), 0.1)).seconds).toBeNull();
  });
});
