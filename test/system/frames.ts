/** Making and reading Ethernet frames in tests. */

export const checksum = (b: Buffer, seed = 0): number => {
  let sum = seed;
  for (let i = 0; i < b.length; i += 2) sum += (b[i]! << 8) | (b[i + 1] ?? 0);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
};

const address = (text: string): Buffer => Buffer.from(text.split('.').map(Number));
const u16 = (...values: number[]): Buffer => {
  const b = Buffer.alloc(2 * values.length);
  for (const [i, v] of values.entries()) b.writeUInt16BE(v, 2 * i);
  return b;
};

/** A frame; addresses as 12 hexadecimal digits. */
export const ether = (dst: string, src: string, type: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from(dst + src, 'hex'), u16(type), body]);

export interface IpOptions {
  ttl?: number;
  id?: number;
  /** Flags and fragment offset. */
  fragment?: number;
}

export function ip(src: string, dst: string, protocol: number, body: Buffer, o: IpOptions = {}): Buffer {
  const b = Buffer.concat([
    u16(0x4500, 20 + body.length, o.id ?? 1, o.fragment ?? 0),
    Buffer.from([o.ttl ?? 64, protocol, 0, 0]),
    address(src),
    address(dst),
  ]);
  b.writeUInt16BE(checksum(b), 10);
  return Buffer.concat([b, body]);
}

function transport(
  src: string,
  dst: string,
  protocol: number,
  segment: Buffer,
  at: number,
  o?: IpOptions,
): Buffer {
  const pseudo = Buffer.concat([address(src), address(dst), u16(protocol, segment.length), segment]);
  segment.writeUInt16BE(checksum(pseudo), at);
  return ip(src, dst, protocol, segment, o);
}

export function udp(
  src: string,
  sport: number,
  dst: string,
  dport: number,
  data = 'data',
  o?: IpOptions,
): Buffer {
  const segment = Buffer.concat([u16(sport, dport, 8 + data.length, 0), Buffer.from(data)]);
  return transport(src, dst, 17, segment, 6, o);
}

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;
export const URG = 32;

export function tcp(
  src: string,
  sport: number,
  dst: string,
  dport: number,
  flags: number,
  data = '',
): Buffer {
  const segment = Buffer.concat([
    u16(sport, dport, 0, 1, 0, 1, 0x5000 | flags, 8192, 0, 0),
    Buffer.from(data),
  ]);
  return transport(src, dst, 6, segment, 16);
}

/** `type` 8: echo, 0: its answer. */
export function icmpEcho(src: string, dst: string, id: number, type = 8, o?: IpOptions): Buffer {
  const b = Buffer.concat([u16(type << 8, 0, id, 1), Buffer.from('abcdefgh')]);
  b.writeUInt16BE(checksum(b), 2);
  return ip(src, dst, 1, b, o);
}

/** An ARP request or reply. */
export const arp = (operation: 1 | 2, srcMac: string, srcIp: string, dstMac: string, dstIp: string): Buffer =>
  Buffer.concat([
    u16(1, 0x0800, 0x0604, operation),
    Buffer.from(srcMac, 'hex'),
    address(srcIp),
    Buffer.from(dstMac, 'hex'),
    address(dstIp),
  ]);

/** One line for a frame: what tests compare. */
export function describeFrame(f: Buffer): string {
  const type = f.readUInt16BE(12);
  const dotted = (at: number) => [...f.subarray(at, at + 4)].join('.');
  if (type === 0x0806) return `arp ${f.readUInt16BE(20)} ${dotted(28)} > ${dotted(38)}`;
  if (type !== 0x0800) return `type ${type.toString(16).padStart(4, '0')}`;
  const header = (f[14]! & 15) * 4;
  const [src, dst, protocol, at] = [dotted(26), dotted(30), f[23], 14 + header];
  if (at + 8 > f.length) return `short ${src} > ${dst}`;
  const good = checksum(f.subarray(14, at)) === 0 ? '' : ' bad checksum';
  const ttl = ` ttl ${f[22]}${good}`;
  if (protocol === 1) return `icmp ${f[at]} ${f.readUInt16BE(at + 4)} ${src} > ${dst}${ttl}`;
  const name = protocol === 6 ? 'tcp' : protocol === 17 ? 'udp' : `protocol ${protocol}`;
  return `${name} ${src}:${f.readUInt16BE(at)} > ${dst}:${f.readUInt16BE(at + 2)}${ttl}`;
}

/** The frames of a little-endian capture. */
export function readPcap(b: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 24; at + 16 <= b.length; ) {
    const n = b.readUInt32LE(at + 8);
    if (at + 16 + n > b.length) break;
    frames.push(b.subarray(at + 16, at + 16 + n));
    at += 16 + n;
  }
  return frames;
}
