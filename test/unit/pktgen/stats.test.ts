import { describe, expect, it } from 'vitest';
import { summarize, t95 } from '../../../src/pktgen/stats.ts';

describe('a summary', () => {
  it('has the interval that the table of Student’s t gives', () => {
    // By hand: mean 10, sample variance (4 + 1 + 0 + 1 + 4) / 4 = 2.5; half width 2.776 * sqrt(2.5 / 5) = 1.9629.
    const s = summarize([12, 8, 9, 11, 10]);
    expect(s).toMatchObject({ n: 5, mean: 10, median: 10, min: 8, max: 12 });
    expect(s.sd).toBeCloseTo(1.5811, 4);
    expect(s.ci95!.low).toBeCloseTo(8.0371, 4);
    expect(s.ci95!.high).toBeCloseTo(11.9629, 4);
  });

  it('of one value has no interval', () => {
    expect(summarize([7])).toEqual({
      n: 1,
      mean: 7,
      median: 7,
      min: 7,
      max: 7,
      p1: 7,
      p99: 7,
      sd: null,
      ci95: null,
    });
  });

  it('uses known values of t', () => {
    expect(t95(1)).toBe(12.706);
    expect(t95(30)).toBe(2.042);
    expect(t95(40)).toBeCloseTo(2.021, 2);
    expect(t95(120)).toBeCloseTo(1.98, 2);
  });
});
