/** Each middlebox of configs/middleboxes does what it is for, in a process and as a virtual router. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { findCompiler } from '../../src/engine/fuse/compiler.ts';
import { QUICK } from '../quick.ts';
import { ACK, arp, ether, FIN, icmpEcho, PSH, SYN, tcp, URG, udp } from './frames.ts';
import { Middlebox, type MiddleboxOptions, type Sent, type Way } from './middlebox.ts';

const kvm = spawnSync('test', ['-w', '/dev/kvm']).status === 0;
if (!kvm) console.log('middleboxes as virtual routers: skipped: /dev/kvm is not usable');

/** Our own addresses behind each port. */
const HOST = ['020000000a00', '020000000a01'] as const;
const colons = (hex: string) => hex.replace(/..(?=.)/g, '$&:');
const hex = (byte: number) => byte.toString(16).padStart(2, '0');
const every = HOST.map((mac) => `0.0.0.0/0 ${colons(mac)}`);

const compiler = findCompiler();
if (!compiler) console.log('middleboxes as images: skipped: no C compiler');
const missing = { process: false, kvm: !kvm, image: !kvm || !compiler };
const cache = mkdtempSync(join(tmpdir(), 'clk-mb-'));
afterAll(() => rmSync(cache, { recursive: true }));

for (const way of ['process', 'kvm', 'image'] as const satisfies Way[])
  describe.skipIf(missing[way])(`middleboxes, ${way}`, () => {
    beforeAll(() => {
      vi.stubEnv('CLICKLET_FUSE_CFLAGS', QUICK);
      vi.stubEnv('XDG_CACHE_HOME', cache);
    });
    afterAll(() => vi.unstubAllEnvs());
    let box: Middlebox | undefined;
    afterEach(async () => {
      await box?.close();
      box = undefined;
    });
    const start = async (file: string, frames: Sent[], o: Partial<MiddleboxOptions> = {}) => {
      box = await Middlebox.start(file, way, { ports: 2, frames, arp: every, ...o });
      return box;
    };

    it('ether-mirror: frames come back with their addresses swapped', async () => {
      const sent = ether('020000000b0b', HOST[0], 0x0800, udp('10.0.0.2', 5, '10.0.0.3', 6));
      const b = await start('ether-mirror.click', [[0, sent]], { ports: 1 });
      const expected = Buffer.concat([sent.subarray(6, 12), sent.subarray(0, 6), sent.subarray(12)]);
      expect(await b.sendHex(1)).toEqual([[0, expected.toString('hex')]]);
      expect(await b.count('c')).toBe(1);
    });

    it('wire: frames leave on the other port, unchanged', async () => {
      const f = udp('10.0.0.2', 5, '10.0.0.3', 6);
      const b = await start('wire.click', [
        [0, ether('020000000b0b', HOST[0], 0x0800, f)],
        [1, ether('020000000b0b', HOST[1], 0x0800, f)],
      ]);
      expect(await b.send()).toEqual(['1: udp 10.0.0.2:5 > 10.0.0.3:6 ttl 64']);
      expect(await b.send()).toEqual(['0: udp 10.0.0.2:5 > 10.0.0.3:6 ttl 64']);
    });

    it('ip-router: forwards with one hop less, answers and refuses', async () => {
      const from0 = (p: Buffer): Sent => [0, ether('020000000010', HOST[0], 0x0800, p)];
      const b = await start('ip-router.click', [
        from0(udp('10.0.0.2', 5, '10.0.1.9', 6)),
        from0(icmpEcho('10.0.0.2', '10.0.1.1', 7)),
        from0(udp('10.0.0.2', 5, '10.0.1.9', 6, 'x', { ttl: 1 })),
        from0(udp('10.0.0.2', 5, '10.0.0.1', 6)),
        [0, ether('020000000099', HOST[0], 0x0800, udp('10.0.0.2', 5, '10.0.1.9', 6))],
      ]);
      expect(await b.send()).toEqual(['1: udp 10.0.0.2:5 > 10.0.1.9:6 ttl 63']);
      expect(await b.send()).toEqual(['0: icmp 0 7 10.0.1.1 > 10.0.0.2 ttl 254']);
      expect(await b.send()).toEqual([expect.stringMatching(/^0: icmp 11 0 10\.0\.[01]\.1 > 10\.0\.0\.2 /)]);
      expect(await b.send()).toEqual([expect.stringMatching(/^0: icmp 3 0 10\.0\.0\.1 > 10\.0\.0\.2 /)]);
      expect(await b.send(1, 0)).toEqual([]); // for another station
    });

    it('firewall: lets through what its rules allow', async () => {
      const inside = (p: Buffer): Sent => [0, ether(HOST[1], HOST[0], 0x0800, p)];
      const outside = (p: Buffer): Sent => [1, ether(HOST[0], HOST[1], 0x0800, p)];
      const b = await start('firewall.click', [
        inside(tcp('10.0.0.5', 1000, '192.0.2.1', 443, SYN)),
        outside(tcp('192.0.2.1', 443, '10.0.0.5', 1000, SYN | ACK)),
        outside(tcp('192.0.2.1', 443, '10.0.0.5', 1000, SYN)),
        outside(tcp('192.0.2.1', 999, '10.0.0.80', 80, SYN)),
        outside(tcp('192.0.2.1', 999, '10.0.0.80', 22, SYN)),
        outside(udp('192.0.2.1', 53, '10.0.0.5', 4000)),
        outside(udp('192.0.2.1', 54, '10.0.0.5', 4000)),
        inside(udp('127.0.0.1', 54, '192.0.2.1', 4000)),
      ]);
      expect(await b.send(8, 4)).toEqual([
        '0: tcp 192.0.2.1:443 > 10.0.0.5:1000 ttl 64',
        '0: tcp 192.0.2.1:999 > 10.0.0.80:80 ttl 64',
        '0: udp 192.0.2.1:53 > 10.0.0.5:4000 ttl 64',
        '1: tcp 10.0.0.5:1000 > 192.0.2.1:443 ttl 64',
      ]);
    });

    it('nat: flows from inside get the outside address, answers come back, nothing else does', async () => {
      const inside = (p: Buffer): Sent => [0, ether('020000000020', HOST[0], 0x0800, p)];
      const outside = (p: Buffer): Sent => [1, ether('020000000021', HOST[1], 0x0800, p)];
      const b = await start('nat.click', [
        inside(udp('10.0.0.2', 4000, '192.0.2.1', 53)),
        outside(udp('192.0.2.1', 53, '10.0.1.1', 1024)),
        outside(udp('192.0.2.9', 53, '10.0.1.1', 1024)),
        inside(icmpEcho('10.0.0.2', '192.0.2.1', 77)),
        outside(icmpEcho('192.0.2.1', '10.0.0.2', 5)),
      ]);
      const [first] = await b.send();
      const port = /^1: udp 10\.0\.1\.1:(\d+) > 192\.0\.2\.1:53 ttl 63$/.exec(first ?? '')?.[1];
      expect(Number(port), first).toBeGreaterThanOrEqual(1024);
      if (port === '1024') expect(await b.send()).toEqual(['0: udp 192.0.2.1:53 > 10.0.0.2:4000 ttl 63']);
      else await b.send(1, 0);
      expect(await b.send(1, 0)).toEqual([]);
      expect(await b.send()).toEqual([
        expect.stringMatching(/^1: icmp 8 \d+ 10\.0\.1\.1 > 192\.0\.2\.1 ttl 63$/),
      ]);
      expect(await b.send(1, 0)).toEqual([]);
    });

    it('cgnat: a subscriber keeps its address of the pool; forged sources and the outside stay out', async () => {
      const inside = (p: Buffer): Sent => [0, ether('020000000060', HOST[0], 0x0800, p)];
      const outside = (p: Buffer): Sent => [1, ether('020000000061', HOST[1], 0x0800, p)];
      const subscribers = Array.from({ length: 12 }, (_, n) => `100.64.7.${n + 2}`);
      const flows = subscribers.flatMap((s) =>
        [1, 2, 3].map((n) => inside(udp(s, 4000 + n, `192.0.2.${n}`, 53))),
      );
      const b = await start(
        'cgnat.click',
        [
          ...flows,
          inside(udp('10.9.9.9', 4000, '192.0.2.1', 53)),
          outside(udp('192.0.2.1', 53, '198.51.100.16', 2)),
          inside(icmpEcho('100.64.7.2', '192.0.2.1', 77)),
          inside(icmpEcho('100.64.7.2', '100.64.0.1', 78)),
          outside(icmpEcho('192.0.2.1', '198.51.100.17', 79)),
        ],
        { memBytes: 16 << 20 },
      );
      const out: string[] = [];
      for (const _ of flows) out.push(...(await b.send()));
      expect(out).toHaveLength(flows.length);
      const used = new Map<string, Set<string>>();
      for (const [i, line] of out.entries()) {
        const address = /^1: udp (198\.51\.100\.1[6-9]):\d+ > /.exec(line)?.[1];
        expect(address, line).toBeDefined();
        const mine = used.get(subscribers[Math.floor(i / 3)]!) ?? new Set();
        used.set(subscribers[Math.floor(i / 3)]!, mine.add(address!));
      }
      for (const addresses of used.values()) expect(addresses.size).toBe(1); // paired
      expect(new Set([...used.values()].flatMap((s) => [...s])).size).toBeGreaterThan(1); // spread
      expect(await b.send(1, 0)).toEqual([]);
      expect(await b.count('forged')).toBe(1);
      expect(await b.send(1, 0)).toEqual([]);
      const [echo] = await b.send();
      expect(echo).toMatch(/^1: icmp 8 \d+ 198\.51\.100\.1[6-9] > 192\.0\.2\.1 ttl 63$/);
      expect(await b.send()).toEqual(['0: icmp 0 78 100.64.0.1 > 100.64.7.2 ttl 255']);
      expect(await b.send()).toEqual(['1: icmp 0 79 198.51.100.17 > 192.0.2.1 ttl 255']);
    });

    it('load-balancer: flows go to the servers in turn and stay there', async () => {
      const client = (p: Buffer): Sent => [0, ether('020000000070', HOST[0], 0x0800, p)];
      const server = (p: Buffer): Sent => [1, ether('020000000071', HOST[1], 0x0800, p)];
      const syn = (port: number) => client(tcp('192.0.2.7', port, '203.0.113.80', 80, SYN));
      const b = await start('load-balancer.click', [
        ...[1, 2, 3, 4, 5].map((n) => syn(5000 + n)),
        client(tcp('192.0.2.7', 5002, '203.0.113.80', 80, ACK)),
        server(tcp('10.1.0.11', 80, '192.0.2.7', 5002, SYN | ACK)),
        server(tcp('10.1.0.11', 80, '192.0.2.7', 5003, SYN | ACK)),
        client(tcp('192.0.2.7', 5009, '203.0.113.80', 22, SYN)),
      ]);
      const to = (n: number, port: number) => `1: tcp 192.0.2.7:${port} > 10.1.0.1${n}:80 ttl 63`;
      expect(await b.send(5)).toEqual(
        [to(0, 5001), to(1, 5002), to(2, 5003), to(3, 5004), to(0, 5005)].sort(),
      );
      expect(await b.send()).toEqual([to(1, 5002)]);
      expect(await b.send()).toEqual(['0: tcp 203.0.113.80:80 > 192.0.2.7:5002 ttl 63']);
      expect(await b.send(1, 0)).toEqual([]); // an answer of the wrong server
      expect(await b.send(1, 0)).toEqual([]);
      expect([await b.count('s0'), await b.count('s1'), await b.count('other')]).toEqual([2, 2, 1]);
    });

    it('ids: everything passes, and attacks are counted and reported', async () => {
      const frame = (p: Buffer): Sent => [0, ether(HOST[1], HOST[0], 0x0800, p)];
      const t = (flags: number, port = 4000, data = '') =>
        tcp('192.0.2.1', 1000, '10.0.0.5', port, flags, data);
      const attacks: [rule: string, packet: Buffer][] = [
        ['null_scan', t(0)],
        ['xmas_scan', t(FIN | PSH | URG)],
        ['syn_fin', t(SYN | FIN)],
        ['forged_source', udp('127.0.0.1', 1, '10.0.0.5', 2)],
        ['broadcast_ping', icmpEcho('192.0.2.1', '255.255.255.255', 1)],
        ['ping_fragment', icmpEcho('192.0.2.1', '10.0.0.5', 1, 8, { fragment: 0x2000 })],
        ['old_service', t(SYN, 23)],
        ['path_traversal', t(ACK | PSH, 80, 'GET /../etc/passwd HTTP/1.0\r\n\r\n')],
        ['cgi_probe', t(ACK | PSH, 80, 'GET /cgi-bin/test HTTP/1.0\r\n\r\n')],
        [
          'broken_ip',
          Buffer.concat([Buffer.from([0x46]), udp('192.0.2.1', 1, '10.0.0.5', 2).subarray(1, 22)]),
        ],
      ];
      const innocent = [
        t(SYN, 80),
        t(ACK, 80),
        t(ACK | PSH, 80, 'GET / HTTP/1.0\r\n\r\n'),
        udp('192.0.2.1', 1, '10.0.0.5', 53),
      ];
      const all = [...attacks.map(([, p]) => p), ...innocent].map(frame);
      const b = await start('ids.click', [
        ...all,
        [1, ether(HOST[0], HOST[1], 0x0806, arp(1, HOST[1], '10.0.0.5', '000000000000', '10.0.0.1'))],
      ]);
      expect(await b.send(all.length)).toHaveLength(all.length);
      for (const [rule] of attacks) expect([rule, await b.count(`${rule}/hits`)]).toEqual([rule, 1]);
      expect(await b.count('syn_flood/hits')).toBe(0);
      await b.send(1, 0); // ARP passes, which send() does not show
      expect(await b.count('c1')).toBe(1);
      if (way !== 'process') expect(b.log()).toContain('old_service: 192.0.2.1.1000 > 10.0.0.5.23: S');
    });

    it('flow-monitor: everything passes, and flows and services are counted', async () => {
      const from = (n: 0 | 1, p: Buffer): Sent => [n, ether(HOST[1 - n]!, HOST[n], 0x0800, p)];
      const data = 'x'.repeat(100);
      const b = await start('flow-monitor.click', [
        from(0, udp('10.0.0.2', 5000, '10.0.1.2', 53)),
        from(0, tcp('10.0.0.2', 5001, '10.0.1.2', 80, SYN)),
        from(0, tcp('10.0.0.2', 5001, '10.0.1.2', 80, ACK, data)),
        from(0, tcp('10.0.0.2', 5001, '10.0.1.2', 80, ACK, data)),
        from(0, icmpEcho('10.0.0.2', '10.0.1.2', 1)),
        from(1, tcp('10.0.1.2', 80, '10.0.0.2', 5001, SYN | ACK)),
      ]);
      expect(await b.send(6)).toHaveLength(6);
      const flows = async (handler: string) =>
        (await b.read(handler))
          .trim()
          .split('\n')
          .map((line) => line.replace(/ \d+$/, '')); // without the time
      expect(await flows('from0.top')).toEqual([
        '10.0.0.2 5001 10.0.1.2 80 6 3 320',
        '10.0.0.2 0 10.0.1.2 0 1 1 36',
        '10.0.0.2 5000 10.0.1.2 53 17 1 32',
      ]);
      expect(await flows('from1.table')).toEqual(['10.0.1.2 80 10.0.0.2 5001 6 1 40']);
      expect(await b.read('from0.flows')).toBe('3');
      expect([
        await b.count('web0'),
        await b.count('dns0'),
        await b.count('icmp0'),
        await b.count('web1'),
      ]).toEqual([3, 1, 1, 1]);
    });

    it('bras: a subscriber dials in by PPPoE, gets an address and is routed; nobody else is', async () => {
      const us = '020000000080';
      const [me, other] = [HOST[0], '020000000a0f'];
      const discovery = (dst: string, code: number, src = me): Sent => [
        0,
        ether(dst, src, 0x8863, Buffer.from(`11${hex(code)}0000000c0101000001030004c0ffee01`, 'hex')),
      ];
      const ppp = (protocol: number, body: Buffer, session = 1, src: string = me): Sent => {
        const b = Buffer.concat([Buffer.alloc(8), body]);
        b.writeUInt16BE(0x1100, 0);
        b.writeUInt16BE(session, 2);
        b.writeUInt16BE(body.length + 2, 4);
        b.writeUInt16BE(protocol, 6);
        return [0, ether(us, src, 0x8864, b)];
      };
      const configure = (protocol: number, code: number, options: string) =>
        ppp(
          protocol,
          Buffer.from(
            `${hex(code)}07${(options.length / 2 + 4).toString(16).padStart(4, '0')}${options}`,
            'hex',
          ),
        );
      const mine = '100.70.0.2';
      const b = await start('bras.click', [
        discovery('ffffffffffff', 0x09),
        discovery(us, 0x19),
        configure(0xc021, 1, '0104 05d4 0506 01020304 0702'.replaceAll(' ', '')),
        configure(0xc021, 1, '010405d4050601020304'),
        configure(0x8021, 1, '030600000000'),
        ppp(0x0021, udp(mine, 5000, '192.0.2.1', 53)),
        configure(0x8021, 1, '030664460002'),
        ppp(0x0021, udp(mine, 5000, '192.0.2.1', 53)),
        ppp(0x0021, udp('100.70.0.9', 5000, '192.0.2.1', 53)),
        ppp(0x0021, udp(mine, 5000, '192.0.2.1', 53), 1, other),
        [1, ether('020000000081', HOST[1], 0x0800, udp('192.0.2.1', 53, mine, 5000))],
        [1, ether('020000000081', HOST[1], 0x0800, udp('192.0.2.1', 53, '100.70.0.77', 5000))],
        ppp(0x0021, icmpEcho(mine, '100.70.0.1', 3)),
        configure(0xc021, 9, '01020304'),
        configure(0xc021, 5, ''),
        ppp(0x0021, udp(mine, 5000, '192.0.2.1', 53)),
      ]);
      /** The frames that come back to the subscriber, without Ethernet header and padding; magic numbers as m. */
      const answers = async (n: number) => {
        const got = (await b.sendHex(n)).map(([port, h]) => {
          const length = Number.parseInt(h.slice(36, 40), 16);
          return `${port}: ${h.slice(24, 40 + 2 * length).replace(/0506.{8}/g, '0506m')}`;
        });
        return got;
      };
      // PADO and PADS carry the service, the concentrator's name, and the host's own tag.
      expect(await answers(1)).toEqual([
        '0: 8863110700000018' + '01010000' + '01020008636c69636b6c6574' + '01030004c0ffee01',
      ]);
      expect(await answers(2)).toEqual([
        '0: 886311650001000c' + '01010000' + '01030004c0ffee01',
        '0: 8864110000010010' + 'c021' + '0101000e' + '010405d4' + '0506m',
      ]);
      expect(await answers(1)).toEqual(['0: 8864110000010008' + 'c021' + '04070006' + '0702']); // unknown option: reject
      expect(await answers(2)).toEqual([
        '0: 8864110000010010' + 'c021' + '0207000e' + '010405d4' + '0506m',
        '0: 886411000001000c' + '8021' + '0101000a' + '030664460001',
      ]);
      expect(await answers(1)).toEqual(['0: 886411000001000c' + '8021' + '0307000a' + '030664460002']); // take this one
      expect(await b.send(1, 0)).toEqual([]); // not yet
      expect(await answers(1)).toEqual(['0: 886411000001000c' + '8021' + '0207000a' + '030664460002']);
      expect(await b.send()).toEqual([`1: udp ${mine}:5000 > 192.0.2.1:53 ttl 63`]);
      expect(await b.send(1, 0)).toEqual([]); // another's address
      expect(await b.send(1, 0)).toEqual([]); // another's session
      const [down] = await answers(1);
      expect(down).toMatch(/^0: 8864110000010022002145000020/);
      expect(await b.send()).toEqual([expect.stringMatching(/^1: icmp 3 0 100\.70\.0\.1 > 192\.0\.2\.1 /)]);
      expect((await answers(1))[0]).toMatch(/^0: 8864110000010026002145000024.*64460001644600020000/);
      expect((await answers(1))[0]).toMatch(/^0: 886411000001000ac0210a070008.{8}$/); // echo
      expect(await b.read('sessions.sessions')).toBe('1 02-00-00-00-0A-00 100.70.0.2 open 2 68 2 68\n');
      expect(await answers(2)).toEqual(['0: 8864110000010006' + 'c021' + '06070004', '0: 886311a700010000']);
      expect(await b.send(1, 0)).toEqual([]);
      expect([await b.read('sessions.count'), await b.read('sessions.drops')]).toEqual(['0', '5']);
    });
  });
