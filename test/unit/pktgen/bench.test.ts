import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { findCompiler } from '../../../src/engine/fuse/compiler.ts';
import { type BenchOptions, runBench } from '../../../src/pktgen/bench.ts';
import { captureStreams } from '../../../src/pktgen/capture.ts';
import { completeStream } from '../../../src/pktgen/discover.ts';
import { resultText } from '../../../src/pktgen/print.ts';
import { reportHtml } from '../../../src/pktgen/report.ts';
import { ResultSchema } from '../../../src/pktgen/results.ts';
import { SEARCH_DEFAULTS } from '../../../src/pktgen/search.ts';
import { checkStreams } from '../../../src/pktgen/stream.ts';
import type { StreamInput } from '../../../src/pktgen/stream-schema.ts';

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

  const lossy = `FromDevice(0) -> c :: Classifier(53/00, 53/80, -); c[0] -> Discard; c[1] -> Discard;
      c[2] -> Queue(1000) -> ToDevice(1); FromDevice(1) -> Discard;`;
  const dropped = (sent: number) => Math.ceil(sent / 256) + Math.ceil((sent - 128) / 256);

  it('finds a known loss exactly', async () => {
    const r = await runBench(options(lossy));
    const t = r.trials[0]!;
    expect(t.txPackets - t.rxPackets).toBe(dropped(t.txPackets));
    expect(r.dut.engine).toBe('dynamic');
  });

  const compiler = findCompiler();
  it.skipIf(!compiler)(
    `finds it on the fused engine${compiler ? '' : ' (skipped: no C compiler)'}`,
    async () => {
      const cache = mkdtempSync(join(tmpdir(), 'clicklet-bench-'));
      vi.stubEnv('XDG_CACHE_HOME', cache);
      try {
        const r = await runBench(options(lossy, { engine: 'fused' }));
        const t = r.trials[0]!;
        expect(t.txPackets - t.rxPackets).toBe(dropped(t.txPackets));
        expect(r.dut.engine).toBe('fused');
        expect(resultText(r)).toContain('in this process, fused: as asked for');
        expect(readdirSync(cache, { recursive: true }).filter((f) => /\.so$/.test(String(f)))).toHaveLength(
          1,
        );
      } finally {
        vi.unstubAllEnvs();
        rmSync(cache, { recursive: true });
      }
    },
  );

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

  it('replays a trace as it was captured, and counts every frame that comes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clicklet-bench-'));
    try {
      const file = join(folder, 't.pcap');
      // Frames of an earlier run: their signature is not this run's.
      const made = checkStreams({ streams: [{ rate: 2000, size: [64, 300] }] });
      await captureStreams(
        made.map((s) => completeStream(s, new Map())),
        300,
        file,
      );
      const replay = (more: object) => [{ replay: { file, ...more } }];
      const as = { sizes: [undefined], rate: undefined, durationS: 1 };
      const r = await runBench(options(wire, as, replay({ loop: 2 })));
      expect(ResultSchema.parse(r)).toEqual(r);
      expect(r.trials[0]).toMatchObject({
        ...{ size: 'trace', rate: 'trace', txPackets: 600, rxPackets: 600, lossRatio: 0, duplicates: 0 },
        untracked: { rxPackets: 600, arpRequests: 0, tracePackets: 600 },
        latencyUs: null,
        streams: [{ stream: 0, txPackets: 600, packets: 600, tracked: false }],
      });
      // 600 frames at 2000 a second; the last leaves at 599/2000 s.
      expect(r.trials[0]!.durationS).toBeCloseTo(0.2995, 1);
      expect(resultText(r)).toContain('600 frames sent, 600 came back: without a signature');
      const cut = await runBench(options(wire, { ...as, durationS: 0.1 }, replay({ loop: 2 })));
      expect(resultText(cut)).toContain('the trace has 600 packets: not all were sent in 0.1 s');
      const half = wire.replace(
        'FromDevice(0)',
        'FromDevice(0) -> s :: RoundRobinSwitch; s[1] -> Discard; s',
      );
      const at = await runBench(
        options(half, { ...as, rate: 10_000, durationS: 1 }, replay({ loop: 0, speed: 9 })),
      );
      expect(at.trials[0]).toMatchObject({ rate: 10_000, untracked: { tracePackets: null } });
      expect(at.trials[0]!.rxPackets).toBe(Math.ceil(at.trials[0]!.txPackets / 2));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('refuses to search with packets that it does not know', async () => {
    const search = { ...SEARCH_DEFAULTS };
    await expect(runBench(options(wire, { search }, [{ track: false }]))).rejects.toThrow(
      /by their signature/,
    );
    await expect(runBench(options(wire, { dut: 'simulated' }, [{ track: false }]))).rejects.toThrow(
      /real time/,
    );
    await expect(runBench(options(wire, {}, [{ replay: 'x.pcap' }]))).rejects.toThrow(/its own sizes/);
  });

  it('refuses what it cannot drive', async () => {
    await expect(runBench(options('Idle -> Discard;'))).rejects.toThrow(/nothing to drive/);
    await expect(runBench(options('FromDevice(lo) -> Discard;'))).rejects.toThrow(/these are none/);
    await expect(runBench(options('FromDevice(0) -> Discard;'))).rejects.toThrow(/uses port 1/);
    await expect(runBench(options('FromDevice(0) -> Nonsense;'))).rejects.toThrow(/Nonsense/);
  });
});
