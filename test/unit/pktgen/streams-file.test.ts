/** Stream files: what they mean, and where their mistakes are. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StreamError } from '../../../src/pktgen/stream.ts';
import { loadPps, parseLineRate, parseLoad } from '../../../src/pktgen/stream-rate.ts';
import { meanSize, parseSizes } from '../../../src/pktgen/stream-size.ts';
import { parseStreamFile } from '../../../src/pktgen/streams-file.ts';
import { streamsOf } from '../../../src/pktgen/streams-options.ts';

const mistakes = (text: string): string[] => {
  try {
    parseStreamFile(text, 'dir/s.yaml');
  } catch (e) {
    expect(e).toBeInstanceOf(StreamError);
    return (e as Error).message.split('\n').map((line) => line.replace(/^dir\/s\.yaml:/, ''));
  }
  return [];
};

describe('stream files', () => {
  it('report all mistakes at once, each with its line and column', () => {
    const text = `lineRate: fast
colour: 1
streams:
  - name: one
    src: 10.0.0.300
    rate: quick
    layers:
      - ether: { src: 5 }
      - vlan: { id: 5000, colour: 2 }
      - tcp
      - ipv4: { dst: 10.0.0.9-10.0.0.1 }
      - gre
  - size: 63
  - size: 64
    layers: [ether, ipv4, tcp]
  - wieght: 3
    burst: 0
  - layers: [ipv4]
  - replay: x.pcap
    rate: 50%
`;
    expect(mistakes(text).map((line) => line.slice(0, 60))).toEqual(
      [
        '1:11: error: fast: expected bits a second such as 10G or 25Gbit/s',
        "2:1: error: unknown key 'colour': expected streams, lineRate",
        '5:10: error: 10.0.0.300: expected ADDR, FIRST-LAST or ADDR/LEN, perhaps',
        '6:11: error: quick: expected packets a second such as 1000000',
        '8:23: error: 5: expected an Ethernet address or FIRST-LAST, such as',
        '9:21: error: 5000 does not fit: the field has 12 bits',
        "9:27: error: vlan has no 'colour': it has id, priority, dei",
        '10:9: error: vlan carries vlan, qinq, mpls, pppoe, ipv4, ipv6, not tcp',
        '11:9: error: tcp carries no other header',
        "11:22: error: the range ends before it begins: '10.0.0.9-10.0.0.1'",
        "12:9: error: unknown header 'gre': expected ether, vlan, qinq, mpls",
        '13:11: error: frames of 63 bytes are not possible: 64 to 9216',
        '14:11: error: frames of 64 bytes are not possible: 76 (these headers, the',
        "16:5: error: unknown key 'wieght': expected name, from, to, bidirectional",
        '17:12: error: 0: expected a whole number from 1 to 1000000',
        '18:14: error: ipv4: the first header must be ether',
        '19:13: error: dir/x.pcap: no such file',
        '20:11: error: 50%: expected packets a second: the sizes are those of',
      ].map((line) => line.slice(0, 60)),
    );
  });

  it('report what is not YAML, and what has no streams', () => {
    expect(mistakes('streams: [\n - x')[0]).toMatch(/^2:2: error: not YAML: /);
    expect(mistakes('streams: []')[0]).toBe('1:10: error: expected streams: a list of 1 to 1024 streams');
    expect(mistakes('[]')).toEqual(['1:1: error: expected streams: a list of 1 to 1024 streams']);
    expect(mistakes('streams: [foo]')).toEqual([
      '1:11: error: foo: expected a stream: keys with values, such as { size: 64, rate: 1M }',
    ]);
    expect(mistakes('{}')[0]).toBe('1:1: error: expected streams: a list of 1 to 1024 streams');
    expect(mistakes('streams: [{size: 64}, {size: 65, size: 66}]')[0]).toMatch(
      /not YAML: this key is there already/,
    );
  });

  it('say of each wrong value what it is and what was expected', () => {
    expect(
      mistakes(`streams:
  - src: 10.0.0.9-10.0.0.1
    dst: 2001:db8::9-2001:db8::1
    srcPort: 1-70000
    dstPort: 2000-1000
    rate: 1e99
    size: []
    name: 5
  - size: 64*0
    bidirectional: maybe
    opening: [zz]
  - layers: [ether, ipv4: {__proto__: 1, src: '2001:db8::1'}]
  - layers: [constructor]
  - [1, 2]
`),
    ).toEqual([
      "2:10: error: the range ends before it begins: '10.0.0.9-10.0.0.1'",
      "3:10: error: the range ends before it begins: '2001:db8::9-2001:db8::1'",
      '4:14: error: 1-70000: 70000 does not fit: the field has 16 bits',
      "5:14: error: the range ends before it begins: '2000-1000'",
      "6:11: error: 1e99: expected packets a second such as 1000000, 250k or 5M, bits a second such as 2.5Gbit/s or '2.5Gbit/s L2', a part of the line's rate such as 50%, or max",
      "7:11: error: expected frame sizes in bytes such as 64, '64*7 594*4' or 'imix'",
      '8:11: error: 5: expected text',
      "9:11: error: 64*0: expected frame sizes in bytes such as 64, '64*7 594*4' or 'imix'",
      '10:20: error: maybe: expected true or false',
      '11:15: error: zz: expected a list of at most 64 Ethernet frames in hexadecimal, each of 14 to 1514 bytes',
      "12:28: error: ipv4 has no '__proto__': it has src, dst, tos, id, df, ttl, protocol",
      expect.stringMatching(/^12:47: error: '2001:db8::1': expected ADDR, .* of IPv4/),
      expect.stringMatching(/^13:14: error: unknown header 'constructor': expected ether, vlan/),
      '14:5: error: expected a stream: keys with values, such as { size: 64, rate: 1M }',
    ]);
  });

  it('may share parts by anchors, but not without end', () => {
    const shared = 'streams:\n  - &b {size: 70, rate: 5k}\n  - *b\n  - {<<: *b, rate: 6k}\n';
    const all = parseStreamFile(shared, 's.yaml');
    expect(all.map((s) => [s.size, s.rate])).toEqual([
      ['70', 5000],
      ['70', 5000],
      ['70', 6000],
    ]);
    expect(mistakes('streams:\n  - size: *none\n  - {dst: *other}')).toEqual([
      '2:11: error: *none: no anchor &none before it',
      '3:11: error: *other: no anchor &other before it',
    ]);
    expect(mistakes('streams: &a\n  - *a')).toEqual(['2:5: error: *a: it would hold itself']);
    const ten = (x: string) => `[${Array(10).fill(x).join(', ')}]`;
    const levels = [...'bcdefg'].map((k, i) => `${k}: &${k} ${ten(`*${'abcdef'[i]}`)}\n`).join('');
    expect(mistakes(`a: &a ${ten('x')}\n${levels}streams: *g`)).toEqual([
      '1:1: error: aliases stand for too much: write it out',
    ]);
  });

  it('are one document of no great length, in the end of which nothing is printed', () => {
    expect(mistakes('streams: [{}]\n---\nstreams: [{}]')).toEqual([
      '2:1: error: not YAML: a second document: expected one',
    ]);
    expect(mistakes(`streams: [{}]\n#${' '.repeat(5 << 20)}`)).toEqual([
      '1:1: error: 5.0 MiB: expected 4 MiB at most',
    ]);
    const warned: string[] = [];
    const listen = (w: Error) => warned.push(w.message);
    process.on('warning', listen);
    expect(mistakes('streams: [{? {x: 1} : 5}]')[0]).toMatch(/unknown key '\{ x: 1 \}'/);
    process.removeListener('warning', listen);
    expect(warned).toEqual([]);
  });

  it('find traces beside themselves, and say at once what is wrong with one', () => {
    const folder = mkdtempSync(join(tmpdir(), 'clicklet-streams-'));
    try {
      const file = (name: string) => join(folder, name);
      const pcap = (link: number) =>
        Buffer.concat([
          Buffer.from('d4c3b2a1020004000000000000000000ffff0000', 'hex'),
          Buffer.from([link, 0, 0, 0]),
        ]);
      writeFileSync(file('t.pcap'), pcap(1));
      writeFileSync(file('raw.pcap'), pcap(101));
      writeFileSync(file('big.pcap'), pcap(1).swap32());
      writeFileSync(file('text.pcap'), 'this is not a trace at all');
      writeFileSync(file('x.pcap.gz'), Buffer.from('1f8b08', 'hex'));
      const [s] = parseStreamFile('streams: [{replay: t.pcap}]', file('s.yaml'));
      expect(s!.replay).toEqual({ file: file('t.pcap'), speed: 1, loop: 1 });
      parseStreamFile('streams: [{replay: x.pcap.gz}, {replay: big.pcap}]', file('s.yaml'));
      const text = `streams:
  - replay: missing.pcap
  - { name: x, replay: { speed: 2, file: raw.pcap } }
  - replay: text.pcap
  - replay: .`;
      expect(() => parseStreamFile(text, file('s.yaml'))).toThrow(
        [
          `${file('s.yaml')}:2:13: error: ${file('missing.pcap')}: no such file`,
          `${file('s.yaml')}:3:42: error: ${file('raw.pcap')}: link type 101: only Ethernet can be sent`,
          `${file('s.yaml')}:4:13: error: ${file('text.pcap')}: neither a pcap nor a pcapng file`,
          `${file('s.yaml')}:5:13: error: .: ${folder}: a directory`,
        ].join('\n'),
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('turn a bidirectional stream into two', () => {
    const [a, b, ...more] = parseStreamFile(
      'streams: [{name: x, src: 10.0.0.1, dst: 10.0.1.1, srcPort: 5, bidirectional: true, dstMac: "02:00:00:00:00:99"}]',
      's.yaml',
    );
    expect(more).toEqual([]);
    expect(a).toMatchObject({ name: 'x', from: 0, to: 1, src: '10.0.0.1', dst: '10.0.1.1', srcPort: '5' });
    expect(b).toMatchObject({
      name: 'x back',
      from: 1,
      to: 0,
      src: '10.0.1.1',
      dst: '10.0.0.1',
      dstPort: '5',
    });
    expect(b!.dstMac).toBeUndefined();
  });
});

describe('flags', () => {
  it('are named by their mistakes, all at once', async () => {
    const o = { layers: 'ether/vlan(id=5000)/udp', srcPort: 'x', burst: '0', lineRate: '1G' };
    await expect(streamsOf(o, { rate: '1/s' })).rejects.toThrow(
      /^--layers header 2 vlan id: 5000 does not fit: the field has 12 bits\n--layers header 3: vlan carries .* not udp\n--src-port: expected a port from 0 .*\n--rate: expected packets .*\n--burst: expected a whole number from 1 to 1000000$/,
    );
    await expect(streamsOf({ streams: 'a.yaml', src: '10.0.0.1' })).rejects.toThrow(
      '--src and --streams exclude each other',
    );
    const [s] = await streamsOf(
      { lineRate: '1G', dst: '10.0.1.1', burst: '4', track: false },
      { rate: '10%', size: 64 },
    );
    expect(s).toMatchObject({ dst: '10.0.1.1', burst: 4, track: false, size: '64' });
    expect(s!.rate).toBeCloseTo(148_809.52, 2);
  });
});

describe('rates', () => {
  it.each([
    ['10Gbit/s', 64, 14_880_952.38],
    ['1.5Gbit/s L2', 64, 2_929_687.5],
    ['100%', 1518, 812_743.82],
    ['50%', 64, 7_440_476.19],
    ['250k', 64, 250_000],
    ['10Mbps', 64, 14_880.95],
  ])('%s of %d-byte frames is %d packets a second', (text, size, pps) =>
    expect(loadPps(parseLoad(text)!, size)).toBeCloseTo(pps, 2),
  );
  it.each(['quick', '-1', '0%', '1Gbit', '1Gbit/s L3'])('%s is none', (text) =>
    expect(parseLoad(text)).toBeUndefined(),
  );
  it('percentages count from the line rate', () => {
    expect(loadPps({ unit: 'percent', value: 10 }, 64, parseLineRate('100G'))).toBeCloseTo(14_880_952.38, 2);
    expect(parseLineRate('fast')).toBeNaN();
    const [s] = parseStreamFile('{lineRate: 1G, streams: [{rate: 100%}]}', 's.yaml');
    expect(s!.rate).toBeCloseTo(1_488_095.24, 2);
  });
});

describe('sizes', () => {
  it.each([
    ['64', 64],
    ['imix', (7 * 64 + 4 * 594 + 1518) / 12],
    ['64*3 128', 80],
  ])('%s is %d bytes in the mean', (text, mean) => {
    const sizes = parseSizes(text);
    expect(typeof sizes === 'string' ? sizes : meanSize(sizes)).toBe(mean);
  });
  it('are refused where the headers do not fit', () => {
    expect(parseSizes(80, 84)).toMatch(/84 \(these headers, the signature/);
    expect(parseSizes('imix', 600)).toMatch(/more than the frames of imix have/);
    expect(parseSizes('64*200 128*57')).toMatch(/more than 256/);
  });
});
