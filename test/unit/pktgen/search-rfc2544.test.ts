import { describe, expect, it } from 'vitest';
import type { Trial } from '../../../src/pktgen/search-classify.ts';
import { backToBack, lossCurve, throughput } from '../../../src/pktgen/search-rfc2544.ts';

const device =
  (limit: number) =>
  async (load: number, durationS: number): Promise<Trial> => ({
    load,
    durationS,
    lossRatio: Math.max(0, 1 - limit / load),
  });

describe('throughput', () => {
  const o = { minLoad: 10, maxLoad: 1000, durationS: 60, width: 0.01 };

  it('halves its way to the highest load without loss', async () => {
    const r = await throughput(o, device(600));
    expect(r.trials.map((t) => t.load)).toEqual([1000, 500, 750, 625, 562, 593, 609, 601, 597]);
    expect(r).toMatchObject({ throughput: 597, failed: 601 });
    expect(r.trials.every((t) => t.durationS === 60)).toBe(true);
  });

  it('is the highest load where that has no loss', async () => {
    expect(await throughput(o, device(1000))).toMatchObject({ throughput: 1000, failed: null });
  });

  it('is 0 where every load has loss', async () => {
    const r = await throughput(o, async (load, durationS) => ({ load, durationS, lossRatio: 0.1 }));
    expect(r.throughput).toBe(0);
    expect(r.trials.at(-1)!.load).toBeGreaterThanOrEqual(10);
  });
});

describe('the frame loss rate', () => {
  it('is measured at 100 %, 90 %, ... until two loads in a row have none', async () => {
    const points = await lossCurve({ maxLoad: 1000, durationS: 1, stepRatio: 0.1, repeat: 2 }, device(720));
    expect(points.map((p) => [p.load, Number(p.lossRatio.mean.toFixed(4)), p.trials.length])).toEqual([
      [1000, 0.28, 2],
      [900, 0.2, 2],
      [800, 0.1, 2],
      [700, 0, 2],
      [600, 0, 2],
    ]);
  });

  it('goes down to the last step when all have loss', async () => {
    const points = await lossCurve({ maxLoad: 1000, durationS: 1, stepRatio: 0.25, repeat: 1 }, device(1));
    expect(points.map((p) => p.load)).toEqual([1000, 750, 500, 250]);
  });
});

describe('back-to-back frames', () => {
  const o = { maxLoad: 1_000_000, throughput: 400_000, maxFrames: 2_000_000, repeat: 3 };

  it('finds the longest burst without loss, and the buffer behind it', async () => {
    // A buffer of 600 frames that is emptied at 40 % of the rate at which it is filled takes bursts of 1000.
    const lengths: number[] = [];
    const r = await backToBack(o, async (n) => {
      lengths.push(n);
      return n <= 1000;
    });
    expect(lengths.slice(0, 14)).toEqual([
      64, 128, 256, 512, 1024, 768, 896, 960, 992, 1008, 1000, 1004, 1002, 1001,
    ]);
    expect(lengths.slice(14)).toEqual(expect.arrayContaining([1001]));
    expect(r!.frames).toMatchObject({ n: 3, mean: 1000, min: 1000, max: 1000 });
    expect(r!.impliedBufferS).toBeCloseTo(1e-3, 12);
    expect(r!.correctedBufferS).toBeCloseTo(600e-6, 12);
    expect(r!.limited).toBe(false);
  });

  it('says when no burst was too long, and when none is short enough', async () => {
    expect(await backToBack({ ...o, maxFrames: 5000 }, async () => true)).toMatchObject({
      limited: true,
      frames: { mean: 5000 },
    });
    expect(await backToBack(o, async () => false)).toMatchObject({ limited: false, frames: { mean: 0 } });
  });

  it('does not apply where the highest rate is forwarded without loss', async () => {
    expect(await backToBack({ ...o, throughput: 1_000_000 }, async () => true)).toBeNull();
  });
});
