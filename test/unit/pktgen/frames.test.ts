/** What PktgenSource makes of layers: checked byte by byte here, and by tcpdump where it is installed. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { captureStreams, firstFrames } from '../../../src/pktgen/capture.ts';
import { checkStreams, streamFrame } from '../../../src/pktgen/stream.ts';
import { parseLayersFlag } from '../../../src/pktgen/streams-flags.ts';
import { hasProgram } from '../../system/hosts.ts';

const stream = (layers: unknown[], more = {}) => checkStreams({ streams: [{ layers, ...more }] });
const plainIp = { ipv4: { src: '10.0.0.1', dst: '10.0.0.2' } };

async function frames(count: number, layers: unknown[], more = {}): Promise<Buffer[]> {
  return (await firstFrames(stream(layers, more), count)).map((f) => f.data);
}

describe('fields', () => {
  it('that do not change are in the headers, those that do in the program', () => {
    const f = streamFrame(
      stream([
        { ether: { src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' } },
        { vlan: { id: '10-12', priority: 5 } },
        { ipv4: { src: '10.0.0.1-10.0.0.9 random step 2', dst: '10.1.0.0/30 dec', ttl: 3, tos: '4-6' } },
        { udp: { src: [7, 9], dst: '1-10 every 3' } },
      ])[0]!,
    );
    expect(f.header.toString('hex')).toBe(
      '020000000002' +
        '020000000001' +
        '8100' +
        'a0000800' +
        '4500000000004000031100000000000000000000' +
        '0000000000000000',
    );
    expect(f.fields).toEqual([
      '14/2/0/inc/10/3/1/1',
      '30/4/0/random/167772161/5/2/1',
      '34/4/0/dec/167837698/2/1/1',
      '18/2/0/inc/4/3/1/1',
      '38/2/0/list/7/9',
      '40/2/0/inc/1/10/1/3',
    ]);
    expect(f.lengths).toEqual(['20/18', '42/38']);
    expect(f.checksums).toEqual(['44/38/0/30/38/17', '28/18/38']);
  });

  it('take their values in turn, downwards, from lists, each for several packets', async () => {
    const list = await frames(6, [
      { ether: { dst: '02:00:00:00:00:fe-02:00:00:00:01:01' } },
      { mpls: { label: '1000-1002 dec every 2', tc: 5 } },
      { mpls: { label: 3 } },
      plainIp,
      { udp: { src: '5-9 step 2', dst: [1, 2, 3, 4] } },
    ]);
    expect(list.map((b) => b.subarray(0, 6).toString('hex'))).toEqual([
      '0200000000fe',
      '0200000000ff',
      '020000000100',
      '020000000101',
      '0200000000fe',
      '0200000000ff',
    ]);
    expect(list.map((b) => b.readUInt32BE(14) >>> 12)).toEqual([1002, 1002, 1001, 1001, 1000, 1000]);
    expect(list.map((b) => (b[16]! >> 1) & 7)).toEqual([5, 5, 5, 5, 5, 5]);
    expect(list.map((b) => [b[16]! & 1, b[20]! & 1])).toEqual(Array(6).fill([0, 1])); // bottom of stack
    expect(list.map((b) => b.readUInt16BE(42))).toEqual([5, 7, 9, 5, 7, 9]);
    expect(list.map((b) => b.readUInt16BE(44))).toEqual([1, 2, 3, 4, 1, 2]);
  });

  it('at random stay in range, and a seed gives the same again', async () => {
    const ports = async (seed: number) =>
      (await frames(200, ['ether', plainIp, { udp: { dst: '100-109 random' } }], { seed })).map((b) =>
        b.readUInt16BE(36),
      );
    const first = await ports(1);
    expect(new Set(first).size).toBe(10);
    expect(Math.min(...first)).toBe(100);
    expect(Math.max(...first)).toBe(109);
    expect(await ports(1)).toEqual(first);
    expect(await ports(2)).not.toEqual(first);
  });
});

describe('sizes', () => {
  it('up to jumbo frames', async () => {
    const list = await frames(4, ['ether', plainIp, 'udp'], { size: '64*2 9216 1519' });
    expect(list.map((b) => b.length + 4).sort((a, b) => a - b)).toEqual([64, 64, 1519, 9216]);
    for (const b of list) expect(b.readUInt16BE(16)).toBe(b.length - 14);
  });

  it('TCP without the signature fits into 64 bytes', async () => {
    const [b] = await frames(1, ['ether', plainIp, 'tcp'], { track: false });
    expect(b!.length).toBe(60);
    expect(b!.subarray(54).toString('hex')).toBe('000000000000');
  });
});

const all: [string, unknown[], RegExp[]][] = [
  ['UDP', ['ether', plainIp, 'udp'], [/udp sum ok/]],
  [
    'TCP',
    ['ether', plainIp, { tcp: { dst: '1-9', flags: 16 } }],
    [/Flags \[\.\], cksum 0x[0-9a-f]+ \(correct\)/],
  ],
  ['ICMP', ['ether', plainIp, { icmp: { seq: '1-99' } }], [/ICMP echo request, id 1, seq/]],
  [
    'IPv6',
    ['ether', { ipv6: { src: '2001:db8::1-2001:db8::9 random', flow: 7 } }, 'udp'],
    [/flowlabel 0x00007/, /udp sum ok/],
  ],
  ['ICMPv6', ['ether', 'ipv6', 'icmpv6'], [/icmp6 sum ok\] ICMP6, echo request/]],
  ['TCP over IPv6', ['ether', 'ipv6', 'tcp'], [/cksum 0x[0-9a-f]+ \(correct\)/]],
  ['VLAN', ['ether', { vlan: { id: 9, priority: 2 } }, plainIp, 'udp'], [/vlan 9, p 2/, /udp sum ok/]],
  [
    'QinQ',
    ['ether', { qinq: { id: 7 } }, { vlan: { id: 8 } }, plainIp, 'udp'],
    [/802\.1Q-QinQ/, /vlan 7,.*vlan 8,/, /udp sum ok/],
  ],
  [
    'MPLS',
    ['ether', { mpls: { label: 16 } }, { mpls: { label: 17 } }, plainIp, 'udp'],
    [/label 16, tc 0, ttl 64\)\s+\(label 17, tc 0, \[S\]/],
  ],
  [
    'IP in IP',
    ['ether', plainIp, { ipv6: {} }, { udp: { src: '1-9' } }],
    [/proto IPv6 \(41\)/, /udp sum ok/],
  ],
  [
    'VXLAN, outer and inner checksums',
    [
      'ether',
      { ipv4: { src: '192.0.2.0/24 random' } },
      { udp: { src: '49152-65535 random', checksum: true } },
      { vxlan: { vni: '5-6' } },
      'ether',
      { ipv4: { dst: '10.9.0.0/16' } },
      { tcp: { seq: '1-99999 step 99' } },
    ],
    [/4789: \[udp sum ok\] VXLAN, flags \[I\] \(0x08\), vni [56]/, /cksum 0x[0-9a-f]+ \(correct\)/],
  ],
  [
    'VXLAN over IPv6',
    ['ether', 'ipv6', 'udp', 'vxlan', 'ether', 'vlan', plainIp, 'udp'],
    [/4789: \[udp sum ok\] VXLAN/, /vlan 1, p 0/, /9: \[udp sum ok\] UDP/],
  ],
];

const noTcpdump = !hasProgram('tcpdump');
if (noTcpdump) console.log('frames read by tcpdump: skipped: tcpdump is not installed');

describe.skipIf(noTcpdump)('tcpdump finds the headers and no wrong checksum', () => {
  it.each(all)('%s', async (_, layers, expected) => {
    const folder = mkdtempSync(join(tmpdir(), 'clicklet-test-'));
    try {
      const file = join(folder, 'f.pcap');
      // 33 frames of odd and even sizes.
      await captureStreams(stream(layers, { size: '160 161 250 1518' }), 33, file);
      const text = spawnSync('tcpdump', ['-nn', '-vv', '-e', '-r', file], { encoding: 'utf8' }).stdout;
      expect(text.match(/^\d\d:\d\d:\d\d\.\d/gm)).toHaveLength(33);
      for (const pattern of expected)
        expect(text.match(new RegExp(pattern, `${pattern.flags}g`)) ?? [], String(pattern)).toHaveLength(33);
      expect(text).not.toMatch(/bad|wrong|incorrect|invalid|truncated/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('headers in one word', () => {
  it('say the same as a list', () => {
    expect(
      parseLayersFlag(
        'ether/vlan(id=5, priority=1)/ipv4(dst=10.0.0.0/24 random)/udp(src=[1,2],checksum=false)',
      ),
    ).toEqual([
      'ether',
      { vlan: { id: '5', priority: '1' } },
      { ipv4: { dst: '10.0.0.0/24 random' } },
      { udp: { src: ['1', '2'], checksum: false } },
    ]);
    expect(() => parseLayersFlag('ether/vlan[5]')).toThrow(/expected HEADER or HEADER/);
    expect(() => parseLayersFlag('ether/vlan(5)')).toThrow(/expected FIELD=VALUE/);
  });
});
