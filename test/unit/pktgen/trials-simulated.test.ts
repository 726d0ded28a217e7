import { describe, expect, it } from 'vitest';
import { compilePlan } from '../../../src/engine/router.ts';
import { completeStream } from '../../../src/pktgen/discover.ts';
import { checkStreams } from '../../../src/pktgen/stream.ts';
import { simulatedBed } from '../../../src/pktgen/trials-simulated.ts';

const bed = (text: string, rampS = 0) =>
  simulatedBed(
    text,
    (t) => compilePlan(t, 'test'),
    2,
    checkStreams({ streams: [{}] }).map((s) => completeStream(s, new Map())),
    { rampS, drainMs: 100, size: '64', maxLoad: 200_000 },
  );

describe('trials in simulated time', () => {
  it('count what a token bucket and the queue before it let through, to the packet', async () => {
    const text =
      'FromDevice(0) -> Queue(100) -> RatedUnqueue(10000, BURST_SIZE 10) -> Queue -> ToDevice(1); FromDevice(1) -> Discard;';
    const t = await bed(text).trial(12_000, 0.5);
    // 10 tokens at first, 4998 until the last packet is sent, and 100 packets that wait in the queue by then.
    expect(t).toMatchObject({ load: 12_000, txPackets: 6000, rxPackets: 5108, missedPackets: 0 });
    expect(t.lossRatio).toBe(892 / 6000);
    expect(t.streams).toEqual([
      { stream: 0, txPackets: 6000, packets: 5108, lost: 892, reordered: 0, duplicates: 0 },
    ]);
    expect(await bed(text).trial(12_000, 0.5)).toEqual(t);
  });

  it('count neither what buckets and queues take at first nor what the ramp left in them', async () => {
    const text =
      'FromDevice(0) -> Queue(100) -> RatedUnqueue(10000, BURST_SIZE 200) -> Queue -> ToDevice(1); FromDevice(1) -> Discard;';
    const without = await bed(text).trial(12_000, 0.5);
    expect(without.rxPackets).toBe(5298);
    const t = await bed(text, 0.2).trial(12_000, 0.5);
    expect(t).toMatchObject({ txPackets: 6000, rxPackets: 5000, missedPackets: 0 });
    expect(t.latencyUs!.p50).toBeGreaterThan(9900); // 100 packets of 100 us each are before it
  });

  it('see the loss of a RandomSample', async () => {
    const text =
      'FromDevice(0) -> RandomSample(DROP 0.01) -> Queue -> ToDevice(1); FromDevice(1) -> Discard;';
    const t = await bed(text).trial(100_000, 0.5);
    expect(t.txPackets).toBe(50_000);
    // 500 expected, standard deviation 22; the same in every run.
    expect(t.txPackets - t.rxPackets).toBeGreaterThan(430);
    expect(t.txPackets - t.rxPackets).toBeLessThan(570);
    expect(await bed(text).trial(100_000, 0.5)).toEqual(t);
  });

  it('find the rate of a Shaper, once what it makes up for idle time is used up', async () => {
    const text =
      'FromDevice(0) -> Queue(10) -> Shaper(500) -> Unqueue -> Queue -> ToDevice(1); FromDevice(1) -> Discard;';
    const t = await bed(text, 4).trial(600, 10);
    expect(t.txPackets).toBe(6000);
    expect(Math.abs(t.rxPackets - 5000)).toBeLessThanOrEqual(1);
  });

  it('find what a token bucket hides for as long as its tokens last, by an overload before', async () => {
    const text =
      'FromDevice(0) -> Queue(64) -> RatedUnqueue(50000) -> Queue -> ToDevice(1); FromDevice(1) -> Discard;';
    // 1000 tokens and 64 places are enough for 1 % too much, for two seconds.
    const hidden = await bed(text, 0.5).trial(50_500, 0.5);
    expect(hidden).toMatchObject({ txPackets: 25_250, rxPackets: 25_250 });
    const t = await bed(text, 0.5).trial(50_500, 0.5, { primed: true });
    expect(t).toMatchObject({ txPackets: 25_250, rxPackets: 25_000, missedPackets: 0 });
    const met = await bed(text, 0.5).trial(49_950, 0.5, { primed: true });
    expect(met).toMatchObject({ txPackets: 24_975, lossRatio: 0 });
  });

  it('send bursts of an exact length', async () => {
    const text =
      'FromDevice(0) -> Queue(100) -> RatedUnqueue(10000, BURST_SIZE 1) -> Queue -> ToDevice(1); FromDevice(1) -> Discard;';
    // 10 pass at once, as the bucket holds what a millisecond brings, 11 in 1.2 ms; 100 wait: 121 fit, 122 do not.
    expect((await bed(text).trial(100_000, 1, { packets: 121 })).rxPackets).toBe(121);
    expect(await bed(text).trial(100_000, 1, { packets: 123 })).toMatchObject({
      txPackets: 123,
      rxPackets: 121,
    });
  });
});
