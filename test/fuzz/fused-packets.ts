/** Random packets for routers: sound ones of many kinds, the same cut or spoilt, and noise, as a pcap file. */

import type { Random } from './random.ts';

const LINKTYPE_ETHERNET = 1;
/** Every length from 0 to this one occurs. */
const SHORT = 128;
const LARGE = [256, 577, 1023, 1500, 1514, 2047, 4000];

const MACS = ['020000000010', '020000000011', 'ffffffffffff', '01005e000001', '3333000000fb'];
const ETHERTYPES = [0x0800, 0x0800, 0x0800, 0x0800, 0x86dd, 0x0806, 0x8100, 0x88cc];
const PROTOCOLS = [1, 6, 6, 17, 17, 17, 47, 50, 58];
const PORTS = [20, 21, 22, 53, 80, 123, 1024, 4500, 65535];

/** RFC 1071. */
export function internetChecksum(b: Buffer, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i += 2) sum += (b[i]! << 8) | (i + 1 < to ? b[i + 1]! : 0);
  while (sum >>> 16) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function ipv4(r: Random, b: Buffer, at: number): void {
  const options = r.chance(0.15) ? 4 * r.between(1, 10) : 0;
  const header = 20 + options;
  if (at + header + 8 > b.length) return;
  b[at] = 0x40 | (header >> 2);
  b[at + 1] = r.chance(0.3) ? r.below(256) : 0;
  b.writeUInt16BE(b.length - at, at + 2);
  b.writeUInt16BE(r.below(4), at + 4);
  const offset = r.chance(0.12) ? r.pick([1, 185]) : 0;
  b.writeUInt16BE((r.chance(0.3) ? 0x4000 : r.chance(0.1) ? 0x2000 : 0) | offset, at + 6);
  b[at + 8] = r.pick([0, 1, 2, 64, 255]);
  const protocol = r.pick(PROTOCOLS);
  b[at + 9] = protocol;
  const address = () => (10 << 24) | (r.below(2) << 16) | (r.below(3) << 8) | r.below(5);
  b.writeInt32BE(address(), at + 12);
  b.writeInt32BE(r.chance(0.1) ? r.pick([-1, 0xe0000001 | 0, 0x7f000001, 0]) : address(), at + 16);
  for (let i = 0; i < options; i++) b[at + 20 + i] = r.pick([0, 1, 1, 7, 68, 131, 137, 148, 3, 4, 8]);
  b.writeUInt16BE(0, at + 10);
  b.writeUInt16BE(internetChecksum(b, at, at + header), at + 10);
  const t = at + header;
  if (protocol === 1) {
    b[t] = r.pick([0, 8, 8, 3, 11, 5]);
    b[t + 1] = r.below(4);
    b.writeUInt16BE(0, t + 2);
    b.writeUInt16BE(internetChecksum(b, t, b.length), t + 2);
    return;
  }
  b.writeUInt16BE(r.pick(PORTS), t);
  b.writeUInt16BE(r.pick(PORTS), t + 2);
  if (protocol === 17) {
    b.writeUInt16BE(b.length - t, t + 4);
    if (r.chance(0.5)) b.writeUInt16BE(0, t + 6);
  } else if (protocol === 6 && t + 20 <= b.length) {
    b[t + 12] = r.pick([0x50, 0x50, 0x60, 0xf0]);
    b[t + 13] = r.pick([2, 18, 16, 17, 4, 24]);
  }
}

function ipv6(r: Random, b: Buffer, at: number): void {
  if (at + 40 > b.length) return;
  b.writeUInt32BE(0x60000000 | r.below(256), at);
  b.writeUInt16BE(b.length - at - 40, at + 4);
  b[at + 6] = r.pick(PROTOCOLS);
  b[at + 7] = r.pick([0, 1, 64]);
  for (const a of [at + 8, at + 24]) {
    b.fill(0, a, a + 16);
    b[a] = r.pick([0x20, 0xfe, 0xff, 0]);
    b[a + 15] = r.below(4);
  }
}

function arp(r: Random, b: Buffer, at: number): void {
  if (at + 28 > b.length) return;
  b.write('0001080006040001', at, 'hex');
  b[at + 7] = r.pick([1, 2]);
  b.write('0a00000', at + 14, 'hex');
  b.write(r.pick(['0a000001', '0a000102']), at + 24, 'hex');
}

/** A frame of `length` bytes, as sound as its length allows. */
function frame(r: Random, length: number): Buffer {
  const b = Buffer.alloc(length);
  for (let i = 0; i < length; i++) b[i] = r.below(256);
  if (length < 14) return b;
  b.write(r.pick(MACS), 0, 'hex');
  b.write(r.pick(MACS), 6, 'hex');
  let type = r.pick(ETHERTYPES);
  let at = 14;
  b.writeUInt16BE(type, 12);
  if (type === 0x8100 && length >= 18) {
    b.writeUInt16BE((r.below(8) << 13) | r.pick([0, 1, 4095]), 14);
    type = r.pick([0x0800, 0x86dd]);
    b.writeUInt16BE(type, 16);
    at = 18;
  }
  if (type === 0x0800) ipv4(r, b, at);
  else if (type === 0x86dd) ipv6(r, b, at);
  else if (type === 0x0806) arp(r, b, at);
  return b;
}

function spoil(r: Random, b: Buffer): Buffer {
  const copy = Buffer.from(b);
  for (let n = r.between(1, 3); n > 0 && copy.length; n--)
    copy[r.below(Math.min(copy.length, 54))] = r.pick([0, 1, 0xff, 0x45, 0x4f, r.below(256)]);
  return copy;
}

/** What a router is fed: every short length as a sound frame and as a cut one, spoilt ones, noise and large ones. */
export function randomPackets(r: Random, count: number): Buffer[] {
  const lengths = Array.from({ length: SHORT + 1 }, (_, i) => i);
  const packets = lengths.map((n) =>
    r.chance(0.5) ? frame(r, n) : frame(r, n + r.below(64)).subarray(0, n),
  );
  packets.push(...LARGE.map((n) => frame(r, n)));
  while (packets.length < count) {
    const b = frame(r, r.chance(0.1) ? r.pick(LARGE) : r.between(34, SHORT));
    packets.push(r.chance(0.3) ? spoil(r, b) : b);
  }
  return r.shuffle(packets);
}

/** Bytes around a packet, which are cut off first: what Unstrip and Resize bring to light is then the same everywhere. */
export const AROUND = { before: 512, behind: 64 };

/** As FromDump reads them, with bytes around. */
export function pcap(frames: readonly Buffer[], around = AROUND): Buffer {
  const packets = frames.map((p) =>
    Buffer.concat([Buffer.alloc(around.before, 0xbb), p, Buffer.alloc(around.behind, 0xee)]),
  );
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(LINKTYPE_ETHERNET, 20);
  const records = packets.flatMap((p, i) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(1_000_000 + i, 0);
    record.writeUInt32LE(p.length, 8);
    record.writeUInt32LE(p.length, 12);
    return [record, p];
  });
  return Buffer.concat([header, ...records]);
}

/** The packets of a pcap file that ToDump wrote, without their times. */
export function readPcap(file: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  for (let at = 24; at + 16 <= file.length; ) {
    const n = file.readUInt32LE(at + 8);
    packets.push(file.subarray(at + 8, at + 16 + n));
    at += 16 + n;
  }
  return packets;
}
