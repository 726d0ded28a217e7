import { describe, expect, it } from 'vitest';
import { CliError } from '../../../src/cli/output.ts';
import { emptyHistogram } from '../../../src/pktgen/histogram.ts';
import { parseResult, readResult } from '../../../src/pktgen/result-file.ts';
import {
  type BenchResult,
  compareWithBaseline,
  lossRatio,
  ResultSchema,
  wireBits,
} from '../../../src/pktgen/results.ts';
import type { Counts } from '../../../src/pktgen/trial.ts';
import { trialResult } from '../../../src/pktgen/trial-result.ts';

function counts(tx: number, rx: number, durationS: number): Counts {
  const histogram = emptyHistogram();
  for (let i = 0; i < rx; i++) histogram.recordValue(1000 + i);
  return {
    tx: { active: false, packets: tx, bytes: tx * 60, missed: 5, elapsedNs: durationS * 1e9 },
    rx: {
      packets: rx,
      bytes: rx * 60,
      lost: tx - rx,
      reordered: 1,
      duplicates: 2,
      late: 0,
      foreign: 3,
      streams: [],
    },
    durationS,
    histogram,
    refused: 0,
    excused: 0,
    heldUpS: null,
    untracked: null,
    streams: [{ stream: 0, txPackets: tx, packets: rx, lost: tx - rx, reordered: 1, duplicates: 2 }],
  };
}

function result(pps: number, size: number | string = 64): BenchResult {
  const trial = trialResult(String(size), [0], counts(pps, pps, 1));
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
    trials: [trial],
    search: null,
    generator: { maxTxPps: 1, maxRxPps: 1 },
    environment: {
      cpu: '',
      cores: 1,
      kernel: '',
      node: '',
      kvm: '',
      clicklet: '',
      date: '',
      loadAverage: [],
      priority: 0,
      generatorCpu: null,
      dutCpu: null,
      timestamps: '',
    },
  };
}

describe('figures', () => {
  it('loss is between 0 and 1', () => {
    expect(lossRatio(0, 0)).toBe(0);
    expect(lossRatio(100, 100)).toBe(0);
    expect(lossRatio(100, 101)).toBe(0);
    expect(lossRatio(100, 75)).toBe(0.25);
    expect(lossRatio(100, 0)).toBe(1);
  });

  it('bits on the wire of 64-byte frames are 84 bytes each', () => {
    expect(wireBits(14_880_952, 14_880_952 * 60, 1)).toBeCloseTo(1e10, -3);
  });

  it('a trial at a rate', () => {
    const t = trialResult('64', [1000, 500], counts(1400, 700, 2));
    expect(t).toMatchObject({
      size: 64,
      rate: 1500,
      offeredPps: 1500,
      txPps: 700,
      rxPps: 350,
      lossRatio: 0.5,
      missedPackets: 5,
      reordered: 1,
      duplicates: 2,
      foreign: 3,
      latencyAt: null,
      latencyAtMaxUs: null,
    });
  });

  it('a trial at the maximum takes its latency from another one and says so', () => {
    const t = trialResult('imix', [0], counts(1000, 900, 1), counts(500, 500, 1));
    expect(t).toMatchObject({ size: 'imix', rate: 'max', offeredPps: 1000, lossRatio: 0.1 });
    expect(t.latencyAt).toEqual({ offeredPps: 505, rxPps: 500, lossRatio: 0, durationS: 1 });
    expect(t.latencyUs!.max).toBeLessThan(t.latencyAtMaxUs!.max);
  });
});

describe('results', () => {
  it('have the shape that scripts rely on', () => {
    const r = result(1000);
    expect(ResultSchema.parse(r)).toEqual(r);
    expect(parseResult(JSON.stringify(r), 'r.json')).toEqual(r);
    expect(Object.keys(r)).toEqual(
      expect.arrayContaining(['version', 'config', 'dut', 'trials', 'search', 'generator', 'environment']),
    );
    expect(Object.keys(r.dut)).toEqual(expect.arrayContaining(['kind', 'vmm', 'engine', 'bootMs', 'memory']));
    for (const key of ['size', 'offeredPps', 'txPps', 'rxPps', 'lossRatio', 'latencyUs', 'durationS'])
      expect(r.trials[0]).toHaveProperty(key);
    for (const key of ['min', 'p50', 'p99', 'p999', 'max'])
      expect(r.trials[0]!.latencyUs).toHaveProperty(key);
  });

  it('that are none are refused with a reason', () => {
    expect(() => parseResult('{', 'r.json')).toThrow(/^r\.json: not JSON/);
    const wrong = (text: string, why: string) =>
      expect(() => parseResult(text, 'r.json')).toThrow(new CliError(`r.json: ${why}`));
    const whole = JSON.stringify(result(1000), null, 2);
    wrong('', 'not JSON: the file is empty');
    wrong(whole.slice(0, 40), 'not JSON: it ends early, in line 3, column 23');
    wrong('{\n  "version": 1,\n  oops\n}', 'not JSON: wrong from line 3, column 3 on');
    for (const foreign of ['[]', '5', '{}', '{"version":1}', '{"version":"x","trials":[]}'])
      wrong(foreign, 'not a benchmark result: expected what --json or --report write');
    wrong('{"version":2,"trials":[]}', 'version 2 of results: this Clicklet reads version 1');
    wrong(
      '{"version":1,"scenarios":[]}',
      'a result of bench-suite: expected one of bench, as --json or --report write it',
    );
    wrong(
      '{"version":1,"trials":[],"pacing":[]}',
      'a result of pktgen: expected one of bench, as --json or --report write it',
    );
    expect(() => parseResult('{"version":1,"trials":[]}', 'r.json')).toThrow(
      /^r\.json: not a benchmark result: config: /,
    );
    expect(() => readResult('/does/not/exist')).toThrow(/^\/does\/not\/exist: no such file$/);
    expect(() => readResult('/')).toThrow(/^\/: a directory$/);
  });

  it('are compared size by size', () => {
    expect(compareWithBaseline(result(950), result(1000), 0.95)).toEqual([]);
    expect(compareWithBaseline(result(949), result(1000), 0.95)).toEqual([
      { size: 64, what: 'max', baselinePps: 1000, pps: 949 },
    ]);
    expect(compareWithBaseline(result(1, 128), result(1000), 0.95)).toEqual([]);
  });
});
