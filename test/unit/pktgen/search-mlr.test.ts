import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Trial } from '../../../src/pktgen/search-classify.ts';
import { type MlrGoal, type MlrOptions, mlrSearch, targetsOf } from '../../../src/pktgen/search-mlr.ts';

const ndr: MlrGoal = {
  name: 'ndr',
  lossRatio: 0,
  exceedRatio: 0.5,
  initialDurationS: 1,
  finalDurationS: 1,
  durationSumS: 3,
  width: 0.005,
};
const pdr: MlrGoal = { ...ndr, name: 'pdr', lossRatio: 0.005 };

/** Forwards at most `limit` packets a second, after losing `loss` of all. */
const device =
  (limit: number, loss = 0) =>
  async (load: number, durationS: number): Promise<Trial> => ({
    load,
    durationS,
    lossRatio: 1 - Math.min(load * (1 - loss), limit) / load,
  });

const search = (o: Partial<MlrOptions>, measure = device(1_000_000)) =>
  mlrSearch({ goals: [ndr, pdr], minLoad: 1000, maxLoad: 10_000_000, ...o }, measure);

/** Reproducible random numbers from 0 to 1. */
function random(seed: number): () => number {
  let state = BigInt(seed);
  return () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return Number(state >> 33n) / 2 ** 31;
  };
}

describe('targets', () => {
  it('go from the initial to the final duration, from wide to narrow', () => {
    const long = { ...ndr, finalDurationS: 4, durationSumS: 16 };
    expect(targetsOf(long, 2).map((t) => [t.finalDurationS, t.durationSumS, t.width])).toEqual([
      [1, 1, 0.02],
      [2, 4, 0.01],
      [4, 16, 0.005],
    ]);
    expect(targetsOf(long, 0)).toEqual([long]);
  });
});

describe('a search', () => {
  it('makes these trials for a device that forwards at most 1,000,000 packets a second', async () => {
    const { goals, trials } = await search({});
    // By hand: what 10,000,000 forwards meets both goals, 2 % more fails both; then 1 % more does. Next to the goals
    // themselves, 3 s of 1 s trials: the lower bound needs 2 good trials, so it is measured again; 0.5 % more loses
    // 0.504 %, which fails NDR and PDR (twice, as half of the trials may), 0.25 % more fails NDR and meets PDR (twice).
    expect(trials.map((t) => t.load)).toMatchInlineSnapshot(`
      [
        10000000,
        1000000,
        1020409,
        1010153,
        1005064,
        1000000,
        1005064,
        1002529,
        1002529,
      ]
    `);
    expect(goals.map((g) => [g.regular, g.lower, g.upper, g.throughput])).toMatchInlineSnapshot(`
      [
        [
          true,
          1000000,
          1002529,
          1000000,
        ],
        [
          true,
          1002529,
          1005064,
          1000000,
        ],
      ]
    `);
  });

  it('measures longer where the shorter trials ended, the lower bound first', async () => {
    const goal = { ...ndr, finalDurationS: 4, durationSumS: 4, exceedRatio: 0 };
    const { trials } = await search({ goals: [goal], precedingTargets: 1 });
    const short = trials.filter((t) => t.durationS === 1).map((t) => t.load);
    const long = trials.filter((t) => t.durationS === 4).map((t) => t.load);
    // 1 % further fails, and as its width is a little over 1 %, the middle is tried too; then 4 s trials from below.
    expect(short).toEqual([10_000_000, 1_000_000, 1_010_102, 1_005_038]);
    expect(long).toEqual([1_000_000, 1_002_516]);
    expect(trials.findIndex((t) => t.durationS === 4)).toBe(short.length);
  });

  it('is not misled by what is lost at any load: NDR is then not met, PDR is', async () => {
    const { goals } = await search({}, device(1_000_000, 0.001));
    expect(goals[0]).toMatchObject({ regular: false, lower: null, upper: 1000, throughput: 0 });
    expect(goals[0]!.why).toBe('not met at the lowest load');
    expect(goals[1]!.regular).toBe(true);
    expect(goals[1]!.throughput).toBeCloseTo(1_000_000, -4);
  });

  it('says so when the device is faster than the highest load', async () => {
    const { goals, trials } = await search({ maxLoad: 900_000 });
    expect(trials.every((t) => t.load === 900_000)).toBe(true);
    for (const g of goals)
      expect(g).toMatchObject({
        regular: false,
        lower: 900_000,
        upper: null,
        throughput: 900_000,
        why: 'met at the highest load that could be offered',
      });
  });

  it('begins where it is told to', async () => {
    const { goals, trials } = await search({ firstLoad: 1_001_000 });
    expect(trials[0]!.load).toBe(1_001_000);
    expect(trials.every((t) => t.load < 1_100_000)).toBe(true);
    expect(goals.every((g) => g.regular)).toBe(true);
  });

  it('lets a low load that fails outweigh higher ones that do not (loss inversion)', async () => {
    const { goals } = await search({ goals: [ndr] }, async (load, durationS) => ({
      load,
      durationS,
      lossRatio: load > 1_000_000 || (load > 500_000 && load < 600_000) ? 0.1 : 0,
    }));
    // Only if it was measured there: here the search never looks below 900,000.
    expect(goals[0]!.lower).toBeLessThanOrEqual(1_000_000);
    expect(goals[0]!.upper).toBeGreaterThan(goals[0]!.lower!);
    const seen = await search({ goals: [ndr], firstLoad: 550_000 }, async (load, durationS) => ({
      load,
      durationS,
      lossRatio: load > 1_000_000 || (load > 500_000 && load < 600_000) ? 0.1 : 0,
    }));
    expect(seen.goals[0]!.upper).toBeGreaterThan(500_000);
    expect(seen.goals[0]!.upper).toBeLessThan(503_000);
  });

  it('tolerates the share of bad trials that the goal does', async () => {
    // Every third trial loses packets, whatever the load; a goal without tolerance ends at the lowest load.
    const noisy = () => {
      let n = 0;
      return async (load: number, durationS: number): Promise<Trial> => ({
        load,
        durationS,
        lossRatio: load > 1_000_000 ? 1 - 1e6 / load : ++n % 3 ? 0 : 0.01,
      });
    };
    const tolerant = await search({ goals: [{ ...ndr, durationSumS: 21 }], precedingTargets: 0 }, noisy());
    expect(tolerant.goals[0]).toMatchObject({ regular: true });
    expect(tolerant.goals[0]!.lower).toBeGreaterThan(990_000);
    const strict = await search({ goals: [{ ...ndr, exceedRatio: 0 }], precedingTargets: 0 }, noisy());
    expect(strict.goals[0]!.throughput).toBeLessThan(900_000);
  });

  it('finds the same in noise whatever the seed', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const next = random(seed);
      // One trial in ten is disturbed: up to 3 % are lost that would not have been.
      const { goals } = await search(
        {
          goals: [
            { ...ndr, durationSumS: 9 },
            { ...pdr, durationSumS: 9 },
          ],
        },
        async (load, durationS) => {
          const t = await device(1_000_000)(load, durationS);
          return next() < 0.1 ? { ...t, lossRatio: Math.min(1, t.lossRatio + 0.03 * next()) } : t;
        },
      );
      for (const g of goals) expect(Math.abs(g.throughput / 1_000_000 - 1)).toBeLessThan(0.01);
    }
  });

  it('ends after the most trials allowed and says that it is not finished', async () => {
    const { goals, trials } = await search({ maxTrials: 5 });
    expect(trials.length).toBe(5);
    expect(goals.some((g) => g.why === 'not finished after 5 trials')).toBe(true);
  });

  it('passes on what the measurement throws', async () => {
    await expect(
      search({}, async () => {
        throw new Error('no device');
      }),
    ).rejects.toThrow('no device');
  });

  it('finds any limit between bounds that are as close as asked, and never leaves the range', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2000, max: 9_000_000 }),
        fc.double({ min: 0.002, max: 0.05, noNaN: true }),
        fc.integer({ min: 0, max: 3 }),
        fc.double({ min: 0, max: 0.7, noNaN: true }),
        async (limit, width, precedingTargets, exceedRatio) => {
          const goals = [ndr, pdr].map((g) => ({ ...g, width, exceedRatio }));
          const totals: number[] = [];
          const { goals: found, trials } = await mlrSearch(
            { goals, minLoad: 1000, maxLoad: 10_000_000, precedingTargets },
            device(limit),
            (p) => totals.push(p.doneS + p.leftS),
          );
          expect(
            trials.every((t) => t.load >= 1000 && t.load <= 10_000_000 && Number.isInteger(t.load)),
          ).toBe(true);
          // A device that is what its first trial shows holds no surprises: what is left is known.
          const all = trials.reduce((s, t) => s + t.durationS, 0);
          expect(totals[0]).toBe(Number.POSITIVE_INFINITY);
          for (const total of totals.slice(1)) expect(total).toBeCloseTo(all, 6);
          expect(found[0]!.lower).toBeLessThanOrEqual(limit);
          expect(found[0]!.upper).toBeGreaterThan(limit);
          for (const g of found) {
            expect(g.regular || g.upper! - g.lower! === 1).toBe(true);
            expect(g.throughput).toBeLessThanOrEqual(limit * 1.000001);
            expect(g.throughput).toBeGreaterThan(limit * (1 - width) - 1);
          }
          expect(found[1]!.throughput).toBeGreaterThanOrEqual(found[0]!.throughput * (1 - width));
        },
      ),
      { numRuns: 300, seed: 9971 },
    );
  });
});
