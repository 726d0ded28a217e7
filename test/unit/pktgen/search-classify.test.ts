import { describe, expect, it } from 'vitest';
import {
  classify,
  conditionalThroughput,
  type Goal,
  loadSums,
  type Trial,
} from '../../../src/pktgen/search-classify.ts';

/** The example of RFC 9971, appendix C: four goals, six points in time, one load. */
const goal = (
  name: string,
  finalDurationS: number,
  durationSumS: number,
  loss: number,
  exceed: number,
): Goal => ({
  name,
  finalDurationS,
  durationSumS,
  lossRatio: loss,
  exceedRatio: exceed,
});
const rfc2544 = goal('RFC2544', 60, 60, 0, 0);
const tst009 = goal('TST009', 60, 120, 0, 0.5);
const second = goal('1s final', 1, 120, 0.005, 0.5);
const exceed20 = goal('20% exceed', 60, 60, 0.005, 0.2);
const goals = [rfc2544, tst009, second, exceed20];

const LOAD = 1_000_000;
const times = (n: number, durationS: number, lossRatio: number): Trial[] =>
  Array.from({ length: n }, () => ({ load: LOAD, durationS, lossRatio }));
const added = [
  times(59, 1, 0),
  times(1, 1, 0.01),
  times(59, 1, 0.01),
  times(1, 1, 0),
  times(1, 60, 0.001),
  times(1, 60, 0),
];
const at = (point: number): Trial[] => added.slice(0, point).flat();

describe('the example of RFC 9971', () => {
  it.each([
    [1, ['undecided', 'undecided', 'undecided', 'undecided']],
    [2, ['upper', 'undecided', 'undecided', 'undecided']],
    [3, ['upper', 'undecided', 'undecided', 'upper']],
    [4, ['upper', 'undecided', 'lower', 'upper']],
    // The tables of points 5 and 6 call the last goal's load a lower bound, although the exceed ratios in them (42.857 %
    // and 27.273 %) are above its 20 %. By the logic of section 5.6.1 and by appendix A it is an upper bound.
    [5, ['upper', 'undecided', 'lower', 'upper']],
    [6, ['upper', 'lower', 'lower', 'upper']],
  ])('point %i is classified as in its tables', (point, want) => {
    expect(goals.map((g) => classify(g, at(point)))).toEqual(want);
  });

  it('point 3 has the sums of its table', () => {
    expect(loadSums(exceed20, at(3))).toEqual({
      fullHighS: 0,
      fullLowS: 0,
      shortHighS: 60,
      shortLowS: 59,
      balancingS: 14.75,
      positiveExcessS: 45.25,
      effectiveHighS: 45.25,
      effectiveFullS: 45.25,
      effectiveWholeS: 60,
      missingS: 14.75,
      pessimisticHighS: 60,
    });
    expect(loadSums(second, at(3))).toMatchObject({ effectiveFullS: 119, missingS: 1, pessimisticHighS: 61 });
  });

  it('point 5 has the sums of its table', () => {
    expect(loadSums(rfc2544, at(5))).toMatchObject({
      effectiveHighS: 120,
      effectiveWholeS: 120,
      missingS: 0,
    });
    expect(loadSums(tst009, at(5))).toMatchObject({
      effectiveHighS: 60,
      missingS: 60,
      pessimisticHighS: 120,
    });
    expect(loadSums(exceed20, at(5))).toMatchObject({ effectiveFullS: 105, pessimisticHighS: 45 });
  });

  it('has its conditional throughputs', () => {
    expect(conditionalThroughput(tst009, LOAD, at(6))).toBe(1_000_000);
    expect(conditionalThroughput(second, LOAD, at(6))).toBe(1_000_000);
    expect(conditionalThroughput(exceed20, LOAD, at(6))).toBe(999_000);
  });
});

describe('conditional throughput', () => {
  it('counts what was not offered as not forwarded', () => {
    const short = times(1, 60, 0).map((t) => ({ ...t, shortfall: 0.02 }));
    expect(conditionalThroughput(tst009, LOAD, short)).toBe(980_000);
    // What was forwarded once can be forwarded.
    const worse = { ...short[0]!, shortfall: 0.1 };
    expect(conditionalThroughput(tst009, LOAD, [worse, ...short])).toBe(980_000);
    // What was lost of the rest was not forwarded either.
    const lossy = goal('PDR', 60, 60, 0.1, 0.5);
    const both = short.map((t) => ({ ...t, lossRatio: 0.05 }));
    expect(conditionalThroughput(lossy, LOAD, both)).toBeCloseTo(931_000, 6);
  });

  it('counts what was not measured as lost', () => {
    expect(conditionalThroughput(tst009, LOAD, times(1, 60, 0))).toBe(1_000_000);
    expect(conditionalThroughput(goal('', 60, 180, 0, 0.5), LOAD, times(1, 60, 0))).toBe(0);
    expect(conditionalThroughput(tst009, LOAD, times(5, 1, 0))).toBe(0);
  });

  it('is the forwarding rate under a hard limit (RFC 9971, section 5.5.1)', () => {
    const pdr = goal('PDR', 1, 1, 0.005, 0.5);
    const load = 100.5025e6;
    const rate = conditionalThroughput(pdr, load, [{ load, durationS: 1, lossRatio: 1 - 100e6 / load }]);
    expect(rate).toBeCloseTo(100e6, 3);
  });
});

describe('durations that are no binary fractions', () => {
  it('add up to what they should', () => {
    // 0.1 ten times is a little less than 1 in floating point.
    const g = goal('', 0.1, 1, 0, 0.5);
    expect(classify(g, times(5, 0.1, 0))).toBe('lower');
    expect(
      classify(
        g,
        times(10, 0.1, 0).map((t, i) => ({ ...t, lossRatio: i % 2 })),
      ),
    ).toBe('lower');
    expect(classify(g, [...times(5, 0.1, 0.5), ...times(4, 0.1, 0)])).toBe('undecided');
  });
});
