import { describe, expect, it } from 'vitest';
import { compareResults, comparisonCsv, comparisonText } from '../../../src/pktgen/compare.ts';
import { comparisonHtml } from '../../../src/pktgen/report-compare.ts';
import { csvText } from '../../../src/pktgen/report-csv.ts';
import { type BenchResult, compareWithBaseline } from '../../../src/pktgen/results.ts';
import type { SearchSize } from '../../../src/pktgen/schema-search.ts';
import { summarize } from '../../../src/pktgen/stats.ts';

/** A result of repeated searches. */
function searched(ndr: number[], pdr: number[], cpu = 'a'): BenchResult {
  const size: SearchSize = {
    size: 64,
    ndrPps: summarize(ndr).median,
    pdrPps: summarize(pdr).median,
    minLoadPps: 1,
    maxLoadPps: 1e7,
    generatorMaxPps: 2e7,
    generatorLimited: false,
    heldUpTrials: 0,
    goals: ndr.map((throughputPps, run) => ({
      name: 'NDR',
      lossRatio: 0,
      exceedRatio: 0.5,
      initialDurationS: 1,
      finalDurationS: 1,
      durationSumS: 5,
      width: 0.005,
      regular: true,
      why: null,
      lowerPps: throughputPps,
      upperPps: throughputPps * 1.004,
      throughputPps,
      run,
    })),
    trials: [
      {
        load: 1e6,
        durationS: 1,
        lossRatio: 0.5,
        txPackets: 10,
        rxPackets: 5,
        missedPackets: 0,
        refusedPackets: 0,
        reordered: 0,
        duplicates: 0,
        latencyP50Us: 1.5,
        latencyP99Us: null,
        run: 0,
      },
    ],
    latency: [
      {
        load: 1e6,
        label: 'NDR, "quoted"',
        lossRatio: 0,
        latencyUs: null,
        curve: [
          { percentile: 0, us: 1 },
          { percentile: 50, us: 2 },
        ],
        repeats: null,
      },
    ],
    repeats: { ndr: summarize(ndr), pdr: summarize(pdr) },
    rfc2544: null,
  };
  return {
    version: 1,
    config: 'r.click',
    dut: {
      kind: 'process',
      vmm: 'process',
      why: '',
      engine: 'dynamic',
      bootMs: null,
      memory: null,
      configText: '',
    },
    streams: [],
    trials: [],
    search: { method: 'mlr', ndrPps: size.ndrPps, pdrPps: size.pdrPps, sizes: [size] },
    generator: { maxTxPps: 1, maxRxPps: 1 },
    environment: {
      cpu,
      cores: 2,
      kernel: '',
      node: '',
      kvm: '',
      clicklet: '',
      date: '2026-01-01',
      loadAverage: [],
      priority: 0,
      generatorCpu: null,
      dutCpu: null,
      timestamps: '',
    },
  };
}

const a = searched([1e6, 1.01e6, 1.02e6], [2e6, 2e6, 2e6]);
const b = searched([2e6, 2.01e6, 2.02e6], [2e6, 2.5e6, 1.6e6], 'b');

describe('a comparison', () => {
  it('has ratios to the first, and says whether the confidence intervals lie apart', () => {
    const c = compareResults(['a.json', 'b.json'], [a, b]);
    expect(c.rows).toEqual([
      { size: 64, what: 'NDR', pps: [1.01e6, 2.01e6], ratio: [1, 2.01e6 / 1.01e6], distinct: [null, true] },
      { size: 64, what: 'PDR', pps: [2e6, 2e6], ratio: [1, 1], distinct: [null, false] },
    ]);
    expect(c.differences).toEqual(['processor']);
    const text = comparisonText(c);
    expect(text).toMatch(/NDR +1\.01 Mpps +2\.01 Mpps \(1\.990x \*\)/);
    expect(text).toMatch(/PDR +2\.00 Mpps +2\.00 Mpps \(1\.000x ~\)/);
    expect(text).toContain('not the same in all: processor');
  });

  it('says what makes the results hard to compare', () => {
    const environment = { ...a.environment, clicklet: '9.9' };
    const other = { ...a, environment, dut: { ...a.dut, configText: 'Idle -> Discard;' } };
    const longer = structuredClone(a);
    longer.search!.sizes![0]!.trials[0]!.durationS = 60;
    expect(compareResults(['a', 'b'], [a, other]).differences).toEqual(['configuration', 'Clicklet']);
    expect(compareResults(['a', 'b'], [a, longer]).differences).toEqual(['length of trials']);
  });

  it('is a table for other programs', () => {
    expect(comparisonCsv(compareResults(['a,1.json', 'b.json'], [a, b]))).toBe(
      `size,rate,result,pps,ratio
64,NDR,"a,1.json",1010000,1
64,NDR,b.json,2010000,${2.01e6 / 1.01e6}
64,PDR,"a,1.json",2000000,1
64,PDR,b.json,2000000,1
`,
    );
  });

  it('is a page with plots', async () => {
    const html = await comparisonHtml(compareResults(['a.json', 'b.json'], [a, b]), [a, b]);
    expect(html.match(/<svg/g)!.length).toBe(2);
    expect(html).toContain('2.01 Mpps (1.990x *)');
    expect(html).not.toMatch(/(src|href)="http/);
  });

  it('leaves out what only one has', () => {
    const other = { ...b, search: null };
    expect(compareResults(['a', 'b'], [a, other]).rows).toEqual([]);
  });
});

describe('the gate', () => {
  it('compares what searches found', () => {
    const worse = searched([0.9e6], [2e6]);
    expect(compareWithBaseline(worse, a, 0.95)).toEqual([
      { size: 64, what: 'NDR', baselinePps: 1.01e6, pps: 0.9e6 },
    ]);
    expect(compareWithBaseline(worse, a, 0.85)).toEqual([]);
  });
});

describe('CSV', () => {
  it('has a line for each figure, with as many fields as the first', () => {
    const lines = csvText(a).trimEnd().split('\n');
    expect(lines[0]).toMatch(/^kind,size,name,run,offered_pps,/);
    expect(lines.slice(1).map((l) => l.split(',')[0])).toEqual([
      'goal',
      'goal',
      'goal',
      'latency',
      'search trial',
    ]);
    expect(lines[4]).toContain('"NDR, ""quoted"""');
    const columns = lines[0]!.split(',').length;
    for (const l of lines.filter((x) => !x.includes('"'))) expect(l.split(',').length).toBe(columns);
  });
});
