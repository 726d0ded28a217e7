import { describe, expect, it } from 'vitest';
import { type BenchOptions, runBench } from '../../../src/pktgen/bench.ts';
import { resultText } from '../../../src/pktgen/print.ts';
import { reportHtml } from '../../../src/pktgen/report.ts';
import { ResultSchema } from '../../../src/pktgen/results.ts';
import { checkStreams, type StreamInput } from '../../../src/pktgen/stream.ts';

const wire = 'FromDevice(0) -> Queue(1000) -> ToDevice(1); FromDevice(1) -> Queue(1000) -> ToDevice(0);';

function options(
  text: string,
  more: Partial<BenchOptions> = {},
  streams: StreamInput[] = [{}],
): BenchOptions {
  return {
    text,
    file: 'test.click',
    dut: 'process',
    vmm: 'auto',
    streams: checkStreams({ streams }),
    sizes: ['64'],
    rate: 5000,
    durationS: 0.2,
    ...more,
  };
}

describe('a benchmark in this process', () => {
  it('at a rate that the router bears loses nothing and counts exactly', async () => {
    const r = await runBench(options(wire));
    expect(ResultSchema.parse(r)).toEqual(r);
    const t = r.trials[0]!;
    expect(t.txPackets + t.missedPackets).toBe(1000);
    expect(t.rxPackets).toBe(t.txPackets);
    expect(t).toMatchObject({ lost: 0, reordered: 0, duplicates: 0, foreign: 0, lossRatio: 0, rate: 5000 });
    expect(t.latencyUs!.min).toBeGreaterThan(0);
    expect(r.dut).toMatchObject({ kind: 'process', vmm: 'process', why: 'as asked for' });
  });

  it('at maximum rate takes latency from a second trial; sizes are trials', async () => {
    const r = await runBench(options(wire, { rate: undefined, sizes: ['64', 'imix'] }));
    expect(r.trials.map((t) => [t.size, t.rate])).toEqual([
      [64, 'max'],
      ['imix', 'max'],
    ]);
    for (const t of r.trials) {
      expect(t.latencyAt).not.toBeNull();
      expect(t.latencyCurve.length).toBeGreaterThan(5);
    }
    expect(resultText(r)).toContain('half the maximum rate');
    const html = await reportHtml(r);
    expect(html.match(/<svg/g)!.length).toBe(5); // rate, loss, latency twice, element graph
    expect(html).toContain('FromDevice(0) -&gt; Queue(1000)');
    expect(html).not.toMatch(/(src|href)="http/);
  });

  it('finds a known loss exactly', async () => {
    const text = `FromDevice(0) -> c :: Classifier(53/00, 53/80, -); c[0] -> Discard; c[1] -> Discard;
      c[2] -> Queue(1000) -> ToDevice(1); FromDevice(1) -> Discard;`;
    const t = (await runBench(options(text))).trials[0]!;
    const dropped = Math.ceil(t.txPackets / 256) + Math.ceil((t.txPackets - 128) / 256);
    expect(t.txPackets - t.rxPackets).toBe(dropped);
  });

  it('runs both directions', async () => {
    const t = (await runBench(options(wire, {}, [{}, { from: 1, to: 0 }]))).trials[0]!;
    expect(t.txPackets + t.missedPackets).toBe(1000);
    expect(t.lossRatio).toBe(0);
  });

  it('carries IPv6', async () => {
    const t = (await runBench(options(wire, { sizes: [undefined] }, [{ src: 'fd00::2' }]))).trials[0]!;
    expect(t).toMatchObject({ size: 84, lossRatio: 0 });
    expect(t.rxPackets).toBeGreaterThan(0);
  });

  it('says why nothing came through', async () => {
    const text = 'FromDevice(0) -> Discard; Idle -> ToDevice(1); FromDevice(1) -> Discard;';
    await expect(runBench(options(text))).rejects.toThrow(/nothing came through the router for stream 0/);
  });

  it('refuses what it cannot drive', async () => {
    await expect(runBench(options('Idle -> Discard;'))).rejects.toThrow(/nothing to drive/);
    await expect(runBench(options('FromDevice(lo) -> Discard;'))).rejects.toThrow(/these are none/);
    await expect(runBench(options('FromDevice(0) -> Discard;'))).rejects.toThrow(/uses port 1/);
    await expect(runBench(options('FromDevice(0) -> Nonsense;'))).rejects.toThrow(/Nonsense/);
  });
});
