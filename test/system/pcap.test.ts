/** A packet capture replayed through the IP router gives the expected capture: in a process and through a VM. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compilePlan, Router } from '../../src/engine/router.ts';
import { bootVm } from '../../src/vm/boot.ts';
import { root } from './hosts.ts';

const ROUTER = readFileSync(join(root, 'configs', 'middleboxes', 'ip-router.click'), 'utf8');
const kvm = spawnSync('test', ['-w', '/dev/kvm']).status === 0;
if (!kvm) console.log('pcap through a VM: skipped: /dev/kvm is not usable');

const HOST0 = Buffer.from('020000000099', 'hex');
const ROUTER0 = Buffer.from('020000000010', 'hex');
const ROUTER1 = Buffer.from('020000000011', 'hex');
const HOST1 = Buffer.from('020000000098', 'hex');

function checksum(b: Buffer): number {
  let sum = 0;
  for (let i = 0; i < b.length; i += 2) sum += b.readUInt16BE(i);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

/** A UDP packet from 10.0.0.2 to 10.0.1.2 with a numbered payload. */
function ipPacket(n: number, ttl: number): Buffer {
  const payload = Buffer.alloc(20 + 13 * n, n);
  const b = Buffer.alloc(28 + payload.length);
  b.writeUInt16BE(0x4500, 0);
  b.writeUInt16BE(b.length, 2);
  b.writeUInt16BE(n, 4);
  b.writeUInt8(ttl, 8);
  b.writeUInt8(17, 9);
  Buffer.from([10, 0, 0, 2, 10, 0, 1, 2]).copy(b, 12);
  b.writeUInt16BE(checksum(b.subarray(0, 20)), 10);
  b.writeUInt16BE(4000 + n, 20);
  b.writeUInt16BE(5000, 22);
  b.writeUInt16BE(8 + payload.length, 24);
  payload.copy(b, 28);
  return b;
}

const frame = (dst: Buffer, src: Buffer, type: number, body: Buffer) =>
  Buffer.concat([dst, src, Buffer.from([type >> 8, type & 255]), body]);

function writePcap(file: string, frames: Buffer[]): void {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(1, 20);
  const records = frames.map((f, i) => {
    const h = Buffer.alloc(16);
    h.writeUInt32LE(1000 + i, 0);
    h.writeUInt32LE(f.length, 8);
    h.writeUInt32LE(f.length, 12);
    return Buffer.concat([h, f]);
  });
  writeFileSync(file, Buffer.concat([header, ...records]));
}

/** The frames of a little-endian capture. */
function readPcap(file: string): Buffer[] {
  const b = readFileSync(file);
  const frames: Buffer[] = [];
  for (let at = 24; at + 16 <= b.length; ) {
    const n = b.readUInt32LE(at + 8);
    frames.push(b.subarray(at + 16, at + 16 + n));
    at += 16 + n;
  }
  return frames;
}

/** What goes in; of it, packet 3 is corrupt and packet 5 is not for the router. */
const input = Array.from({ length: 40 }, (_, n) => {
  const ip = ipPacket(n, 64);
  if (n === 3) ip.writeUInt8(ip[9]! ^ 1, 9);
  return frame(n === 5 ? HOST1 : ROUTER0, HOST0, 0x0800, ip);
});
const expected = input.flatMap((_, n) =>
  n === 3 || n === 5 ? [] : [frame(HOST1, ROUTER1, 0x0800, ipPacket(n, 63))],
);
const arpReply = frame(
  ROUTER1,
  HOST1,
  0x0806,
  Buffer.concat([
    Buffer.from('0001080006040002', 'hex'),
    HOST1,
    Buffer.from([10, 0, 1, 2]),
    ROUTER1,
    Buffer.from([10, 0, 1, 1]),
  ]),
);

describe('a capture replayed through the IP router', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'clicklet-pcap-'));
    writePcap(join(dir, 'in0.pcap'), input);
    writePcap(join(dir, 'in1.pcap'), [arpReply]);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const outgoing = () => readPcap(join(dir, 'out.pcap')).filter((f) => f.readUInt16BE(12) === 0x0800);

  it('in a process', async () => {
    const text = ROUTER.replace(/FromDevice\(1[^)]*\)/, `FromDump(${dir}/in1.pcap)`)
      .replace(/FromDevice\(0[^)]*\)/, `FromDump(${dir}/in0.pcap)`)
      .replace('ToDevice(0)', 'Discard')
      .replace('ToDevice(1)', `ToDump(${dir}/out.pcap)`)
      .concat(`\nDriverManager(wait 0.1, stop);`);
    const router = await Router.create(text, { simulatedTime: true });
    await router.run();
    router.close();
    expect(outgoing().map((f) => f.toString('hex'))).toEqual(expected.map((f) => f.toString('hex')));
  });

  it.skipIf(!kvm)('through a VM', async () => {
    process.env.CLICKLET_STATE = join(dir, 'state');
    const ports = [0, 1].map((n) => `vhost-user:${dir}/s${n}`);
    const tester = await Router.create(
      `from :: FromDump(${dir}/in0.pcap, ACTIVE false) -> ToDevice(0);
       FromDevice(1) -> kind :: Classifier(12/0806 20/0001, -);
       kind[0] -> ARPResponder(10.0.1.2 02:00:00:00:00:98) -> Queue -> ToDevice(1);
       kind[1] -> c :: Counter -> ToDump(${dir}/out.pcap, UNBUFFERED true);
       FromDevice(0) -> Discard;`,
      { ports },
    );
    const running = tester.run();
    const vm = await bootVm({
      configuration: compilePlan(ROUTER, 'ip-router.click'),
      file: 'ip-router.click',
      vmm: 'kvm',
      ports,
    });
    try {
      await tester.write('from.active', 'true');
      const deadline = Date.now() + 10_000;
      while (Number(await tester.read('c.count')) < expected.length && Date.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      await vm.stop();
      tester.stop();
      await running;
      tester.close();
      delete process.env.CLICKLET_STATE;
    }
    expect(outgoing().map((f) => f.toString('hex'))).toEqual(expected.map((f) => f.toString('hex')));
  });
});
