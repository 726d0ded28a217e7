import { describe, expect, it } from 'vitest';
import { generatorGraph } from '../../../src/pktgen/graph.ts';
import type { HostWatch } from '../../../src/pktgen/host-watch.ts';
import { checkStreams } from '../../../src/pktgen/stream.ts';
import { recovery, reset } from '../../../src/pktgen/trials-events.ts';

const streams = checkStreams({ streams: [{}] });
const graph = generatorGraph(2, streams, { ramp: true });

/** A generator whose counters say what a recovery is like, by the number of looks since the overload ended. */
interface Counters {
  missed?: number;
  full_time?: number;
  stalled_time?: number;
  lost?: number;
}
function generator(counters: (look: number) => Counters) {
  let looks = 0;
  let reduced = false;
  return {
    async read(handler: string): Promise<string> {
      const [element, name] = handler.split('.') as [string, string];
      // The numbers of a look are read one after the other, those of the sources first.
      if (reduced && handler === 'stream0.missed') looks++;
      if (!['missed', 'full_time', 'stalled_time', 'lost'].includes(name) || element === 'sink0') return '0';
      return String(counters(looks)[name as 'missed'] ?? 0);
    },
    async write(handler: string, value?: string): Promise<void> {
      if (handler === 'stream0.active' && value === 'true') reduced = true;
    },
  };
}
const measure = (counters: Parameters<typeof generator>[0], limitS?: number, watch?: HostWatch) =>
  recovery(generator(counters), graph, streams, undefined, {
    ...{ overload: 1100, reduced: 550, durationS: 0.01 },
    ...(limitS === undefined ? {} : { limitS }),
    watch,
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

  it('does not hold what a full port refuses while the host keeps the router from running', async () => {
    // Every tenth look the port was full for 1 ms at a time.
    const stalls = (look: number): Counters => {
      const n = Math.floor(look / 10);
      return { missed: 100 * n, full_time: 1e6 * n, stalled_time: 1e6 * n };
    };
    const held = (router: number): HostWatch => ({ begin: () => () => ({ generator: 0, router }) });
    expect((await measure(stalls, 0.8, held(10))).seconds).toBe(0);
    // The router had the CPU, or nobody knows: then it was slow.
    expect((await measure(stalls, 0.8, held(0))).seconds).toBeNull();
    expect((await measure(stalls, 0.8)).seconds).toBeNull();
    const both = (look: number): Counters => ({ ...stalls(look), lost: Math.min(look, 5) });
    expect((await measure(both, 0.8, held(10))).seconds).toBeGreaterThan(0);
  });

  it('is not known where there is no end to the loss', async () => {
    expect((await measure((look) => ({ lost: look }), 0.1)).seconds).toBeNull();
  });
});

describe('reset', () => {
  it('has lost what did not come back and what there was no room for, not what the generator did not make', async () => {
    // 1000 sent, 900 came; missed: 50 while the port was full, then 70 for another reason.
    let looks = 0;
    const values: Record<string, () => number> = {
      'stream0.count': () => 1000,
      'stream0.missed': () => {
        looks++;
        return looks < 3 ? 0 : looks < 6 ? 50 : 120;
      },
      'send0.full_time': () => (looks < 3 ? 0 : 5000),
      // Packets come until the end, so that the restart is over.
      'sink1.count': () => (looks < 6 ? 100 * looks : 900),
    };
    const g = {
      read: async (handler: string) => String(values[handler]?.() ?? 0),
      write: async () => undefined,
    };
    const r = await reset(g, graph, streams, undefined, { load: 1000, restart: async () => undefined });
    expect(r.byLossS).toBe((1000 - 900 + 50) / 1000);
  });
});
