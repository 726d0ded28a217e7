/** Suites: what is read, what is compared, what fails; and the limits that stand before a run. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runBench } from '../../../src/pktgen/bench.ts';
import { shareRate } from '../../../src/pktgen/command-pktgen.ts';
import { portsOfDut } from '../../../src/pktgen/dut.ts';
import { generatorGraph } from '../../../src/pktgen/graph.ts';
import { loopback } from '../../../src/pktgen/loopback.ts';
import { checkStreams, rateAt } from '../../../src/pktgen/stream.ts';
import { parseStreamFile } from '../../../src/pktgen/streams-file.ts';
import { readSuite, runSuite } from '../../../src/pktgen/suite.ts';
import { suiteHtml, suiteText } from '../../../src/pktgen/suite-report.ts';
import { root } from '../../system/hosts.ts';

const folder = mkdtempSync(join(tmpdir(), 'clicklet-suite-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const wire =
  'FromDevice(0, SNAPLEN 9216) -> Queue(1000) -> ToDevice(1); Idle -> ToDevice(0); FromDevice(1) -> Discard;';
const bench = (size: string | number, more = {}, text = wire) =>
  runBench({
    text,
    file: 'wire.click',
    dut: 'process',
    vmm: 'auto',
    streams: checkStreams({ streams: [{ size, rate: 2000, ...more }] }),
    sizes: [undefined],
    rate: undefined,
    durationS: 0.1,
  });

describe('suites', () => {
  it('measure, compare with the upper end of a reference, and go on where one fails', async () => {
    write('a.click', '');
    write('a.yaml', '');
    const file = write(
      'suite.yaml',
      `sources: { lab: a laboratory }
scenarios:
  - { name: a, config: a.click, streams: a.yaml, references: [{ source: lab, mpps: 0.001, most: 0.004, place: process }] }
  - { name: b, config: a.click, streams: a.yaml }
  - { name: c, config: nowhere.click, streams: a.yaml }
`,
    );
    const steps: string[] = [];
    const r = await runSuite(
      file,
      3,
      (s) => (s.name === 'a' ? bench(64) : Promise.reject(new Error('it broke'))),
      (text) => steps.push(text),
    );
    expect(steps).toEqual(['a, run 1 of 3', 'a, run 2 of 3', 'a, run 3 of 3', 'b, run 1 of 3']);
    const [a, b, c] = r.scenarios;
    expect(a!.runs).toHaveLength(3);
    expect(a!.pps).toBe([...a!.runs].sort((x, y) => x - y)[1]);
    expect(a!.references[0]!.ratio).toBeCloseTo(a!.pps! / 4000, 9);
    expect(b).toMatchObject({ pps: null, problem: 'it broke' });
    expect(c).toMatchObject({ pps: null, problem: 'there is no nowhere.click' });
    const text = suiteText(r);
    expect(text).toContain('lab 0.001-0.004 (in a process)');
    expect(text).toContain('b: it broke');
    expect(text).toContain('lab: a laboratory');
    expect(suiteHtml(r)).toMatch(/<b>lab<\/b>: a laboratory/);
    await expect(
      runSuite(
        file,
        1,
        () => bench(64),
        () => undefined,
        ['z'],
      ),
    ).rejects.toThrow(/no scenario 'z'/);
  });

  it('name what is wrong in their file', () => {
    const file = write(
      'bad.yaml',
      'sources: {}\nscenarios: [{ name: x, references: [{ source: lab, mpps: -1 }] }, { nam: y }]\n',
    );
    expect(() => readSuite(file)).toThrow(/scenarios\.0\.references\.0\.mpps: [\s\S]*scenarios\.1/);
  });

  it('ours has a scenario with streams for each middlebox', () => {
    const suite = readSuite(join(root, 'configs', 'bench', 'suite.yaml'));
    const middleboxes = readdirSync(join(root, 'configs', 'middleboxes')).filter((f) => f.endsWith('.click'));
    expect(suite.scenarios.map((s) => basename(s.config)).sort()).toEqual(middleboxes.sort());
    for (const s of suite.scenarios)
      expect(parseStreamFile(readFileSync(s.streams, 'utf8'), s.streams)).not.toEqual([]);
  });
});

describe('frame sizes', () => {
  it('up to 9216 bytes pass through a router in a process', async () => {
    const t = (await bench('64 9216 2200')).trials[0]!;
    expect(t.rxPackets).toBeGreaterThan(0);
    expect(t).toMatchObject({ lossRatio: 0, lost: 0 });
  });

  it('of packets without signature are counted as what comes out', async () => {
    const [t] = (await bench(64, { track: false })).trials;
    expect(t!.untracked).toBeDefined();
    expect(t).toMatchObject({ lossRatio: 0, lost: 0 });
  });

  it('that the router would cut are refused before it starts', async () => {
    const cut =
      /wire.click: frames of 2051 bytes: in0 cuts frames to 2046 bytes .* FromDevice\(0, SNAPLEN 9216\)/;
    const by = (device: string) =>
      wire.replace('FromDevice(0, SNAPLEN 9216)', `in0 :: FromDevice(${device})`);
    await expect(bench(2051, {}, by('0'))).rejects.toThrow(cut);
    await expect(bench('64*9 2051', {}, by('0, SNIFFER true'))).rejects.toThrow(cut);
    await expect(bench(2051, {}, by('0, true, 2046'))).rejects.toThrow(cut);
    for (const device of ['0, true, 2047', '0, SNAPLEN 2047'])
      expect((await bench(2051, {}, by(device))).trials[0]).toMatchObject({ lossRatio: 0, lost: 0 });
  });
});

describe('rates and weights', () => {
  it('a rate for all streams is shared by weight', () => {
    const streams = checkStreams({ streams: [{ weight: 3 }, { size: 128 }] });
    expect(shareRate('4M', streams).map((s) => s.rate)).toEqual([3e6, 1e6]);
    // 1 Gbit/s of frames of 64 and 128 bytes, 3 to 1: 80 bytes in the mean, 100 on the wire.
    expect(shareRate('1Gbit/s', streams).map((s) => s.rate)).toEqual([937_500, 312_500]);
    expect(() => shareRate('much', streams)).toThrow(/expected packets a second/);
  });

  it('in bits hold for whatever size is tried', () => {
    const [a, b] = checkStreams({ lineRate: '1G', streams: [{ rate: '10%' }, { rate: '5k' }] });
    expect([rateAt(a!, undefined), rateAt(a!, '105'), rateAt(b!, '105')]).toEqual([1e8 / 8 / 84, 1e5, 5000]);
  });

  it('streams of different weights take turns in proportion', () => {
    const text = (streams: object[]) => generatorGraph(2, checkStreams({ streams })).text;
    expect(text([{ weight: 3 }, {}])).toContain('StrideSched(3, 1) -> [1] out0');
    expect(text([{}, {}])).toContain('RoundRobinSched -> [1] out0');
  });
});

describe('devices', () => {
  it('are named by kind and names', () => {
    expect(portsOfDut('tap:a,b')).toEqual(['tap:a', 'tap:b']);
    expect(portsOfDut('iface:eth0,eth1')).toEqual(['eth0', 'eth1']);
    expect(portsOfDut('vhost-user:/x.sock')).toEqual(['vhost-user:/x.sock']);
    expect(() => portsOfDut('tap:a,')).toThrow(/expected tap:A,B/);
    expect(() => portsOfDut('usb:a')).toThrow(/expected tap:A,B/);
  });

  it('the generator alone loses nothing between two cores', async () => {
    const r = await loopback(checkStreams({ streams: [{}] })[0]!, 0.1);
    expect(r.sentPps).toBeGreaterThan(0);
    expect(r).toMatchObject({ lost: 0, receivedRatio: 1, size: '64' });
  });
});
