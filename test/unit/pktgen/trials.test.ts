import { describe, expect, it } from 'vitest';
import { runBench } from '../../../src/pktgen/bench.ts';
import { completeStream } from '../../../src/pktgen/discover.ts';
import { generatorGraph } from '../../../src/pktgen/graph.ts';
import type { HeldUpS } from '../../../src/pktgen/host-watch.ts';
import { SEARCH_DEFAULTS } from '../../../src/pktgen/search.ts';
import { checkStreams } from '../../../src/pktgen/stream.ts';
import type { Handlers } from '../../../src/pktgen/trial.ts';
import { heldUp, liveBed, shares, split, trialLoss } from '../../../src/pktgen/trials.ts';

const streams = (n: number) =>
  checkStreams({ streams: Array.from({ length: n }, () => ({})) }).map((s) => completeStream(s, new Map()));

describe('the loss of a trial', () => {
  it('is what was sent and did not come', () => {
    expect(trialLoss(1000, 990, 0)).toBe(0.01);
    expect(trialLoss(1000, 1001, 0)).toBe(0);
  });

  it('counts what the port refused once it is more than one in a thousand', () => {
    expect(trialLoss(99_900, 99_900, 100)).toBe(0);
    expect(trialLoss(99_000, 99_000, 1000)).toBe(0.01);
    expect(trialLoss(900, 800, 100)).toBe(0.2);
  });

  it('is everything where nothing could be sent', () => expect(trialLoss(0, 0, 0)).toBe(1));
});

describe('a load', () => {
  it('is shared by the rates of the streams, or equally if any has none', () => {
    expect(
      shares([
        { rate: 300, weight: 1 },
        { rate: 100, weight: 1 },
      ]),
    ).toEqual([0.75, 0.25]);
    expect(
      shares([
        { rate: 300, weight: 1 },
        { rate: 0, weight: 1 },
      ]),
    ).toEqual([0.5, 0.5]);
  });

  it('is split without losing packets', () => {
    expect(split(10, [1 / 3, 1 / 3, 1 / 3])).toEqual([3, 4, 3]);
    expect(split(1, [0.5, 0.5])).toEqual([1, 0]);
  });
});

describe('the generator of a search', () => {
  it('has for each stream other sources of untimed packets, and names its ports', () => {
    const g = generatorGraph(2, streams(2), { ramp: true });
    expect(g.rampSources).toEqual(['ramp0', 'ramp1']);
    expect(g.primeSources).toEqual(['prime0', 'prime1']);
    expect(g.outputs).toEqual(['send0', 'send0']);
    expect(g.text).toMatch(/ramp1 :: PktgenSource\([^)]*STREAM 3[,)]/s);
    expect(g.text.match(/SAMPLE 0[,)]/g)!.length).toBe(4);
    expect(generatorGraph(2, streams(2)).text).not.toContain('ramp');
  });
});

/** A generator of handlers only: what it says of its trials comes from a list. */
function pretended(
  trials: { sent: number; came: number; missed: number; fullNs: number; stalledNs?: number }[],
): Handlers & { done: number } {
  let n = -1;
  const now = () => trials[Math.max(0, Math.min(n, trials.length - 1))]!;
  return {
    get done() {
      return n + 1;
    },
    async read(h) {
      if (h.endsWith('.active')) return 'false';
      if (h === 'stream0.count') return String(now().sent);
      if (h.endsWith('.count')) return h.startsWith('sink1') ? String(now().came) : '0';
      if (h === 'stream0.summary')
        return JSON.stringify({
          active: false,
          packets: now().sent,
          bytes: 0,
          missed: now().missed,
          elapsedNs: 5e7,
        });
      if (h.endsWith('.streams'))
        return JSON.stringify(h.startsWith('sink1') ? [{ stream: 0, packets: now().came }] : []);
      if (h.endsWith('.summary')) {
        const s = { packets: now().came, bytes: 0, lost: 0, reordered: 0, duplicates: 0, late: 0 };
        // Stream 1 is the ramp's.
        const list = h.startsWith('sink1')
          ? [
              { stream: 0, ...s },
              { stream: 1, ...s, packets: 77 },
            ]
          : [];
        return JSON.stringify({ ...s, foreign: 0, streams: list });
      }
      if (h.endsWith('.full_time')) return String(now().fullNs);
      if (h.endsWith('.stalled_time')) return String(now().stalledNs ?? 0);
      return '';
    },
    async write(h, value) {
      if (h === 'stream0.active' && value === 'true') n++;
    },
  };
}

describe('a trial beside a running router', () => {
  const bedOf = (g: Handlers) =>
    liveBed(g, generatorGraph(2, streams(1), { ramp: true }), streams(1), {
      rampS: 0.01,
      drainMs: 10,
      maxLoad: 1e6,
    });

  it('counts its own packets, not those of the ramp', async () => {
    const t = await bedOf(pretended([{ sent: 1000, came: 990, missed: 0, fullNs: 0 }])).trial(20_000, 0.05);
    expect(t).toMatchObject({
      load: 20_000,
      txPackets: 1000,
      rxPackets: 990,
      lossRatio: 0.01,
      refusedPackets: 0,
    });
    expect(t.streams).toEqual([
      { stream: 0, txPackets: 1000, packets: 990, lost: 0, reordered: 0, duplicates: 0 },
    ]);
  });

  it('takes missed packets for refused ones only as long as the port was full', async () => {
    const g = pretended([{ sent: 900, came: 900, missed: 100, fullNs: 2_500_000 }]);
    const t = await bedOf(g).trial(20_000, 0.05);
    // 2.5 ms of 20,000 packets a second.
    expect(t).toMatchObject({ missedPackets: 100, refusedPackets: 50 });
    expect(t.lossRatio).toBe(50 / 950);
    expect(heldUp(t)).toBe(0.05);
  });

  it('is repeated when the generator was held up, and the better one is taken', async () => {
    const bad = { sent: 800, came: 800, missed: 200, fullNs: 0 };
    const good = { sent: 1000, came: 1000, missed: 0, fullNs: 0 };
    const g = pretended([bad, good]);
    expect(await bedOf(g).trial(20_000, 0.05)).toMatchObject({ txPackets: 1000, lossRatio: 0, repeated: 1 });
    expect(g.done).toBe(2);
    // What was not offered is no loss, but known; a load of which most was not is not shown to be borne.
    const unsent = { lossRatio: 0, shortfall: 0.2, repeated: 3 };
    expect(await bedOf(pretended([bad])).trial(20_000, 0.05)).toMatchObject(unsent);
    const none = pretended([{ ...bad, sent: 400, came: 400, missed: 600 }]);
    expect(await bedOf(none).trial(20_000, 0.05)).toMatchObject({ lossRatio: 0.6, shortfall: 0.6 });
    // A little that was not offered, and no loss: nothing to find out.
    const little = { sent: 960, came: 960, missed: 40, fullNs: 0 };
    const borne = { lossRatio: 0, shortfall: 0.04, repeated: 0 };
    expect(await bedOf(pretended([little])).trial(20_000, 0.05)).toMatchObject(borne);
    const once = pretended([good, bad]);
    await bedOf(once).trial(20_000, 0.05);
    expect(once.done).toBe(1);
  });
});

describe('a trial that the host disturbs', () => {
  const bed = (g: Handlers, heldUpS: HeldUpS) =>
    liveBed(g, generatorGraph(2, streams(1), { ramp: true }), streams(1), {
      rampS: 0,
      drainMs: 10,
      maxLoad: 1e6,
      watch: { begin: () => () => heldUpS },
    });
  // The port was full for 5 ms at a time: 100 packets of 20,000 a second.
  const stalled = { sent: 900, came: 900, missed: 100, fullNs: 5e6, stalledNs: 5e6 };

  it('is repeated, and what the port refused while the router did not run is no loss', async () => {
    const g = pretended([stalled]);
    const t = await bed(g, { generator: 0, router: 0.004 }).trial(20_000, 0.05);
    expect(t).toMatchObject({ refusedPackets: 100, excusedPackets: 80, repeated: 3 });
    expect(t).toMatchObject({ lossRatio: 20 / 920, shortfall: 0.08 });
    expect(g.done).toBe(4);
    const less = pretended([{ ...stalled, sent: 960, came: 960, missed: 40 }]);
    const little = await bed(less, { generator: 0, router: 0.004 }).trial(20_000, 0.05);
    expect(little).toMatchObject({ excusedPackets: 40, lossRatio: 0, shortfall: 0.04, repeated: 0 });
  });

  it('is not repeated while the host is busy all the time', async () => {
    const g = pretended([stalled]);
    const b = bed(g, { generator: 0, router: 0.004 });
    const repeated: number[] = [];
    for (let i = 0; i < 4; i++) repeated.push((await b.trial(20_000, 0.05)).repeated);
    expect(repeated).toEqual([3, 3, 0, 0]);
  });

  it('is not excused when both sides ran, or when the port was never full for long', async () => {
    const ran = await bed(pretended([stalled]), { generator: 0, router: 0 }).trial(20_000, 0.05);
    expect(ran).toMatchObject({ excusedPackets: 0, lossRatio: 0.1, repeated: 0 });
    const busy = pretended([{ ...stalled, stalledNs: 0 }]);
    const t = await bed(busy, { generator: null, router: 0.004 }).trial(20_000, 0.05);
    expect(t).toMatchObject({ excusedPackets: 0, lossRatio: 0.1 });
  });

  it('is repeated until loss that the host explains does not come again', async () => {
    const lost = { sent: 1000, came: 970, missed: 0, fullNs: 0 };
    const clean = { ...lost, came: 1000 };
    const g = pretended([lost, lost, clean]);
    const held = { generator: 0.002, router: 0 };
    expect(await bed(g, held).trial(20_000, 0.05)).toMatchObject({ lossRatio: 0, repeated: 2 });
    // 2 ms explain 40 packets, not 60.
    const much = pretended([{ ...lost, came: 940 }, clean]);
    expect(await bed(much, held).trial(20_000, 0.05)).toMatchObject({ lossRatio: 0.06, repeated: 0 });
  });
});

describe('searches beside a running router', () => {
  const options = {
    text: 'FromDevice(0) -> Queue(10000) -> ToDevice(1); FromDevice(1) -> Queue -> ToDevice(0);',
    file: 'wire.click',
    dut: 'process' as const,
    vmm: 'auto' as const,
    streams: checkStreams({ streams: [{}] }),
    sizes: ['64'],
    rate: undefined,
    durationS: 0.1,
  };
  const search = {
    ...SEARCH_DEFAULTS,
    durationS: 0.1,
    initialDurationS: 0.1,
    durationSumS: 0.2,
    rampS: 0.1,
    maxLoad: 2000,
  };

  it('say when the highest load is met', { timeout: 60_000 }, async () => {
    const r = await runBench({ ...options, search });
    const s = r.search!.sizes![0]!;
    expect(s).toMatchObject({ maxLoadPps: 2000, generatorLimited: false });
    expect(s.goals[0]).toMatchObject({
      upperPps: null,
      lowerPps: 2000,
      throughputPps: 2000,
      why: 'met at the highest load that could be offered',
    });
  });

  it('restart the router and see the traffic come back', { timeout: 60_000 }, async () => {
    const r = await runBench({
      ...options,
      search: { ...search, method: 'rfc2544', tests: ['recovery', 'reset', 'back-to-back'] },
    });
    const t = r.search!.sizes![0]!.rfc2544!;
    expect(t.throughputPps).toBe(2000);
    expect(t.reset!.byTimeS.min).toBeGreaterThan(0);
    expect(t.skipped.map((x) => x.test)).toEqual(['back-to-back', 'recovery']);
  });
});
