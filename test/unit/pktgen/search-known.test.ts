import { describe, expect, it } from 'vitest';
import { type BenchOptions, runBench } from '../../../src/pktgen/bench.ts';
import { ResultSchema } from '../../../src/pktgen/results.ts';
import { SEARCH_DEFAULTS, type SearchOptions } from '../../../src/pktgen/search.ts';
import { checkStreams } from '../../../src/pktgen/stream.ts';

/** Devices whose limits are known by their configuration, in simulated time: the same figures on every machine. */
const find = async (text: string, search: Partial<SearchOptions>, more: Partial<BenchOptions> = {}) => {
  const r = await runBench({
    text: `${text} FromDevice(1) -> Queue -> ToDevice(0);`,
    file: 'known.click',
    dut: 'simulated',
    vmm: 'auto',
    streams: checkStreams({ streams: [{}] }),
    sizes: ['64'],
    rate: undefined,
    durationS: 1,
    search: {
      ...SEARCH_DEFAULTS,
      maxLoad: 30_000,
      durationS: 0.2,
      initialDurationS: 0.2,
      durationSumS: 0.6,
      rampS: 0.2,
      drainS: 0.05,
      ...search,
    },
    ...more,
  });
  expect(ResultSchema.parse(r)).toEqual(r);
  return r.search!.sizes![0]!;
};

const within = (found: number, known: number, ratio: number) =>
  expect(Math.abs(found / known - 1)).toBeLessThanOrEqual(ratio);

const LIMIT = 'FromDevice(0) -> Queue(10) -> RatedUnqueue(10000, BURST_SIZE 5) -> Queue -> ToDevice(1);';

describe('a device with a known rate', () => {
  it('has it found within 1 % by MLRsearch', { timeout: 120_000 }, async () => {
    const s = await find(LIMIT, {});
    expect(s.goals.map((g) => [g.name, g.regular])).toEqual([
      ['NDR', true],
      ['PDR', true],
    ]);
    within(s.ndrPps, 10_000, 0.01);
    within(s.pdrPps!, 10_000, 0.01);
    expect(s.goals[0]!.upperPps! - s.goals[0]!.lowerPps!).toBeLessThanOrEqual(0.005 * s.goals[0]!.upperPps!);
    expect(s.latency.map((l) => l.label)).toEqual(['NDR', '50 % of NDR', '10 % of NDR']);
    expect(s.latency.every((l) => l.lossRatio === 0)).toBe(true);
    expect(s.heldUpTrials).toBe(0);
  });
});

describe('a device with a known rate and a known loss', () => {
  it('meets no goal without loss, and the one with loss within 1 %', { timeout: 120_000 }, async () => {
    const s = await find(LIMIT.replace('-> Queue(10)', '-> RandomSample(DROP 0.02) -> Queue(10)'), {
      lossRatio: 0.05,
      width: 0.01,
    });
    expect(s.goals[0]).toMatchObject({
      name: 'NDR',
      regular: false,
      lowerPps: null,
      why: 'not met at the lowest load',
    });
    expect(s.ndrPps).toBe(0);
    expect(s.goals[1]).toMatchObject({ name: 'PDR', regular: true });
    within(s.pdrPps!, 10_000, 0.01);
  });

  it('has the loss found within 1 % by the frame loss rate test', { timeout: 120_000 }, async () => {
    const s = await find('FromDevice(0) -> RandomSample(DROP 0.25) -> Queue -> ToDevice(1);', {
      method: 'rfc2544',
      tests: ['loss'],
      maxLoad: 100_000,
      minLoad: 50_000,
      durationS: 0.4,
    });
    expect(s.rfc2544!.lossCurve!.length).toBe(10);
    const sum = (key: 'txPackets' | 'rxPackets') => s.trials.reduce((n, t) => n + t[key], 0);
    within(1 - sum('rxPackets') / sum('txPackets'), 0.25, 0.01);
  });
});

describe('the tests of RFC 2544', () => {
  it('find throughput, latency and the buffer of a known device', { timeout: 120_000 }, async () => {
    const s = await find(LIMIT, { method: 'rfc2544', width: 0.01, repeat: 2 });
    const r = s.rfc2544!;
    within(r.throughputPps!, 10_000, 0.01);
    expect(s.ndrPps).toBe(r.throughputPps);
    expect(r.failedPps! - r.throughputPps!).toBeLessThanOrEqual(0.01 * r.failedPps!);
    // At 30,000 packets a second, two of three stay: 10 fit the queue, and 10 go at once (a bucket holds what a
    // millisecond brings at least), so that 30 is the most.
    expect(r.backToBack!.frames).toMatchObject({ n: 2, mean: 28, min: 28, max: 28 });
    expect(r.backToBack!.correctedBufferS).toBeCloseTo(((28 / 30_000) * 2) / 3, 5);
    expect(s.latency[0]!.repeats!.typicalUs.n).toBe(2);
    expect(r.lossCurve!.map((p) => Math.round(p.load))).toEqual([
      30000, 27000, 24000, 21000, 18000, 15000, 12000, 9000, 6000,
    ]);
    within(r.lossCurve![0]!.lossRatio.mean, 2 / 3, 0.01);
    expect(r.skipped.map((x) => x.test)).toEqual(['recovery', 'reset']);
  });
});
