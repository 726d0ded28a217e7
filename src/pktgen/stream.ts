/** Streams of test packets: their description, checked, and the Click elements that make them. */

import { isIP } from 'node:net';
import { z } from 'zod';

/** `64`, `[64, 512]`, `"64*7 594*4 1518"` or `imix`: frame sizes in bytes, frame check sequence included. */
const sizeText = /^(imix|\d+(\*\d+)?( \d+(\*\d+)?)*)$/i;

/** Parse packets a second: `5M`, `250k`, `1.5e6`, `max`. NaN if it is none; 0 is as fast as possible. */
export function parseRate(text: string | number): number {
  if (typeof text === 'number') return text;
  if (text.toLowerCase() === 'max') return 0;
  const m = /^(\d+(?:\.\d+)?(?:e\d+)?)\s*([kMG]?)(?:pps)?$/.exec(text.trim());
  return m ? Number(m[1]) * 1000 ** ['', 'k', 'M', 'G'].indexOf(m[2]!) : Number.NaN;
}

function isAddressRange(text: string): boolean {
  const [range, random, more] = text.trim().split(/\s+/);
  if (more !== undefined || (random !== undefined && random !== 'random')) return false;
  const prefix = /^(.*)\/(\d+)$/.exec(range!);
  if (prefix) {
    const family = isIP(prefix[1]!);
    return family !== 0 && Number(prefix[2]) <= (family === 4 ? 32 : 128);
  }
  const ends = range!.split('-');
  return ends.length <= 2 && ends.every((a) => isIP(a) !== 0) && new Set(ends.map((a) => isIP(a))).size === 1;
}

const mac = z
  .string()
  .regex(/^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/, 'expected an Ethernet address such as 02:00:00:00:00:01');
const addresses = z
  .string()
  .refine(
    isAddressRange,
    "expected ADDR, FIRST-LAST or ADDR/LEN, perhaps followed by 'random', such as '10.0.0.2-10.0.0.99 random'",
  );
const ports = z.union([z.number().int().min(0).max(65535), z.string()]).transform((v, context) => {
  const m = /^(\d+)(?:-(\d+))?( random)?$/.exec(String(v));
  const low = Number(m?.[1]);
  const high = Number(m?.[2] ?? m?.[1]);
  if (m && low <= high && high <= 65535) return String(v);
  context.addIssue("expected a port or FIRST-LAST, perhaps followed by 'random'");
  return z.NEVER;
});
const size = z
  .union([z.number().int(), z.array(z.number().int()).min(1), z.string()])
  .transform((v, context) => {
    const text = Array.isArray(v) ? v.join(' ') : String(v).trim();
    if (sizeText.test(text)) return text;
    context.addIssue("expected frame sizes in bytes such as 64, '64*7 594*4' or 'imix'");
    return z.NEVER;
  });
const rate = z.union([z.number().nonnegative(), z.string()]).transform((v, context) => {
  const pps = parseRate(v);
  if (Number.isFinite(pps)) return pps;
  context.addIssue("expected packets a second such as 1000000, 250k or 5M, or 'max'");
  return z.NEVER;
});

/** IPv6, by whichever address is given. */
export const isIp6 = (s: { src?: string | undefined; dst?: string | undefined }): boolean =>
  (s.src ?? s.dst ?? '').includes(':');

/** One stream: UDP over IPv4 or IPv6 in Ethernet. What is left out is chosen to fit the router under test. */
export const StreamSchema = z
  .strictObject({
    name: z.string().optional(),
    /** Generator ports: where it is sent, where it is expected. */
    from: z.number().int().min(0).default(0),
    to: z.number().int().min(0).default(1),
    srcMac: mac.optional(),
    dstMac: mac.optional(),
    src: addresses.optional(),
    dst: addresses.optional(),
    srcPort: ports.default('1024'),
    dstPort: ports.default('9'),
    size: size.optional(),
    /** Packets a second; 0: as fast as they are taken. */
    rate: rate.default(0),
    /** Correct UDP checksums; otherwise 0. Always with IPv6. */
    checksum: z.boolean().default(false),
    ttl: z.number().int().min(1).max(255).default(64),
    tos: z.number().int().min(0).max(255).default(0),
    seed: z.number().int().min(0).max(0xffffffff).default(1),
    /** Takes the time of every n-th packet; 0: of none. */
    sample: z.number().int().min(0).default(1),
  })
  .transform((s) => ({ ...s, size: s.size ?? (isIp6(s) ? '84' : '64') }));

export type Stream = z.output<typeof StreamSchema>;
export type StreamInput = z.input<typeof StreamSchema>;

export const StreamFileSchema = z.strictObject({ streams: z.array(StreamSchema).min(1).max(1024) });

/** What is wrong with a stream description, one line for each mistake. */
export class StreamError extends Error {
  readonly exitCode = 1;
}

/** Check a description of streams. Throws StreamError with every mistake and where it is. */
export function checkStreams(value: unknown, file = 'streams'): Stream[] {
  const result = StreamFileSchema.safeParse(value);
  if (result.success) return result.data.streams;
  const lines = result.error.issues.map((i) => `${file}: ${place(i.path)}${i.message}`);
  throw new StreamError(lines.join('\n'));
}

const place = (path: PropertyKey[]): string =>
  path.length
    ? `${path.map((p, i) => (typeof p === 'number' ? `[${p}]` : i ? `.${String(p)}` : String(p))).join('')}: `
    : '';

export const defaultMac = (port: number, router = false): string =>
  `02:00:00:00:${router ? '01' : '00'}:${(port + 1).toString(16).padStart(2, '0')}`;

/** The element that makes a stream, named `name`, not yet sending. */
export function sourceElement(name: string, id: number, s: Stream): string {
  const ip6 = isIp6(s);
  const args: [string, string | number | boolean][] = [
    ['STREAM', id],
    ['RATE', s.rate],
    ['SIZE', s.size],
    ['SRC_ETH', s.srcMac ?? defaultMac(s.from)],
    ['DST_ETH', s.dstMac ?? defaultMac(s.from, true)],
    ['SRC_IP', s.src ?? (ip6 ? 'fd00::2' : '10.0.0.2')],
    ['DST_IP', s.dst ?? (ip6 ? 'fd00:1::2' : '10.0.1.2')],
    ['SRC_PORT', s.srcPort],
    ['DST_PORT', s.dstPort],
    ['CHECKSUM', s.checksum],
    ['TTL', s.ttl],
    ['TOS', s.tos],
    ['SEED', s.seed],
    ['SAMPLE', s.sample],
    ['ACTIVE', false],
  ];
  return `${name} :: PktgenSource(${args.map(([k, v]) => `${k} ${v}`).join(', ')});`;
}
