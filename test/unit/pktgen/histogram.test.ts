import { build } from 'hdr-histogram-js';
import { describe, expect, it } from 'vitest';
import { Router } from '../../../src/engine/router.ts';
import { addBuckets, emptyHistogram, latencyCurve, latencyUs } from '../../../src/pktgen/histogram.ts';

/** A frame as PktgenSource makes them, sent `age` ns before `now`, as Click data. */
function frame(sequence: number, now: bigint, age: bigint): string {
  const b = Buffer.alloc(60);
  b.writeUInt32BE(0xc11cce75, 42);
  b.writeBigUInt64BE(BigInt(sequence), 46);
  b.writeUIntBE(Number((now - age) & 0xffffffffffffn), 54, 6);
  return `\\<${b.toString('hex')}>`;
}

/** Simulated time starts here and advances by 1 ns for each look at the clock. */
const START = 1_000_000_000n * 1_000_000_000n;

function reference() {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 2 ** 34,
    numberOfSignificantValueDigits: 3,
  });
}

/** Runs latencies through a PktgenSink in simulated time. */
async function sink(ages: readonly bigint[]) {
  const lines = ages.map(
    (age, i) => `InfiniteSource(DATA ${frame(i, START, age)}, LIMIT 1, TIMESTAMP false) -> k;`,
  );
  const router = await Router.create(`k :: PktgenSink; ${lines.join('\n')} Script(wait 1s, stop);`, {
    simulatedTime: true,
  });
  try {
    await router.run();
    return {
      histogram: await router.read('k.histogram'),
      latency: JSON.parse(await router.read('k.latency')) as Record<string, number>,
    };
  } finally {
    router.close();
  }
}

describe('latency histograms', () => {
  it('fall into the buckets of HdrHistogram', async () => {
    // In the middle of buckets that are at least 1024 ns wide, so that the few ns of the run do not matter.
    const ages: bigint[] = [];
    for (let v = 2_100_000; v < 16_000_000_000; v = Math.floor(v * 1.9)) {
      const h = reference();
      h.recordValue(v);
      ages.push(BigInt(Math.floor((h.minNonZeroValue + h.maxValue) / 2)));
    }
    const { histogram, latency } = await sink(ages);
    const want = reference();
    for (const age of ages) want.recordValue(Number(age));
    const got = addBuckets(reference(), histogram);
    expect(got.totalCount).toBe(ages.length);
    for (const p of [0, 1, 10, 25, 50, 75, 90, 99, 99.9, 100])
      expect(got.getValueAtPercentile(p)).toBe(want.getValueAtPercentile(p));
    expect(latency.count).toBe(ages.length);
    expect(latency.p50).toBe(want.getValueAtPercentile(50));
    expect(latency.p90).toBe(want.getValueAtPercentile(90));
  });

  it('take what is longer than 17 s as the longest', async () => {
    const { latency } = await sink([60_000_000_000n]);
    expect(latency.max).toBe(2 ** 34 - 1);
  });

  it('take a time of sending that lies in the future as no time', async () => {
    const { latency } = await sink([-1_000_000n]);
    expect(latency.max).toBe(0);
  });

  it('have the percentiles that hdr-histogram-js finds in the same buckets, whatever was measured', async () => {
    const router = await Router.create(
      'PktgenSource(LIMIT 20000, RATE 500000, STOP true) -> k :: PktgenSink;',
    );
    await router.run();
    const latency = JSON.parse(await router.read('k.latency')) as Record<string, number>;
    const h = addBuckets(reference(), await router.read('k.histogram'));
    router.close();
    expect(h.totalCount).toBe(20_000);
    for (const [name, p] of Object.entries({ p50: 50, p90: 90, p99: 99, p999: 99.9, p9999: 99.99 }))
      expect(latency[name]).toBe(Math.min(h.getValueAtPercentile(p), latency.max!));
  });

  it('merge without loss', () => {
    const a = addBuckets(emptyHistogram(), '100 3\n2048 5\n');
    addBuckets(a, '100 1\n1000000 1\n');
    expect(a.totalCount).toBe(10);
    expect(latencyUs(a)).toMatchObject({ min: 0.1, p50: 2.049 });
  });

  it('are null and empty without values', () => {
    expect(latencyUs(emptyHistogram())).toBeNull();
    expect(latencyCurve(emptyHistogram())).toEqual([]);
  });

  it('give curves that rise and end where the values do', () => {
    const h = emptyHistogram();
    for (let i = 1; i <= 1000; i++) h.recordValue(i * 1000);
    const curve = latencyCurve(h);
    expect(curve[0]!.percentile).toBe(0);
    expect(curve.every((p, i) => i === 0 || p.us >= curve[i - 1]!.us)).toBe(true);
    expect(curve.at(-1)!.percentile).toBeGreaterThan(99.9);
    expect(curve.at(-1)!.percentile).toBeLessThan(100);
  });
});
