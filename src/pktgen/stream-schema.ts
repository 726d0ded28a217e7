/** One stream of a description as it is written: its keys, and what each may be. */

import { z } from 'zod';
import { FieldError, type FieldKind, parseField } from './field-values.ts';
import { type Load, parseLoad, RATE_HELP } from './stream-rate.ts';
import { parseSizes, SIZE_HELP } from './stream-size.ts';

/** What is wrong with a field's text; `help` where it is no such field at all. */
function fieldProblem(text: string, kind: FieldKind, bits: number, help: string): string | undefined {
  try {
    parseField(text, kind, bits);
    return undefined;
  } catch (e) {
    if (!(e instanceof FieldError)) throw e;
    return e.message.startsWith('expected') ? help : e.message;
  }
}

const mac = z
  .string('expected an Ethernet address such as 02:00:00:00:00:01')
  .regex(/^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/, 'expected an Ethernet address such as 02:00:00:00:00:01');
const ADDRESS_HELP =
  "expected ADDR, FIRST-LAST or ADDR/LEN, perhaps followed by 'random', such as '10.0.0.2-10.0.0.99 random'";
const addresses = z.string(ADDRESS_HELP).superRefine((text, context) => {
  const [kind, bits] = text.includes(':') ? (['ip6', 128] as const) : (['ip4', 32] as const);
  const problem = fieldProblem(text, kind, bits, ADDRESS_HELP);
  if (problem) context.addIssue(problem);
});
const PORT_HELP = "expected a port from 0 to 65535 or FIRST-LAST, perhaps followed by 'random'";
const ports = z.union([z.number(), z.string()], PORT_HELP).transform((v, context) => {
  const problem = fieldProblem(String(v), 'number', 16, PORT_HELP);
  if (!problem) return String(v);
  context.addIssue(problem);
  return z.NEVER;
});
const size = z
  .union([z.number(), z.array(z.number()), z.string()], `expected ${SIZE_HELP}`)
  .superRefine((v, context) => {
    const sizes = parseSizes(v);
    if (typeof sizes === 'string') context.addIssue(sizes);
  });
const load = z.union([z.number(), z.string()], `expected ${RATE_HELP}`).transform((v, context): Load => {
  const parsed = parseLoad(v);
  if (parsed) return parsed;
  context.addIssue(`expected ${RATE_HELP}`);
  return z.NEVER;
});
const whole = (min: number, max: number) => {
  const help = `expected a whole number from ${min} to ${max}`;
  return z.number(help).int(help).min(min, help).max(max, help);
};
const OPENING_HELP = 'expected a list of at most 64 Ethernet frames in hexadecimal, each of 14 to 1514 bytes';
const yes = z.boolean('expected true or false');

const SPEED_HELP = 'expected a number of 0 or more';
const ReplaySchema = z.union(
  [
    z.string().transform((file) => ({ file, speed: 1, loop: 1 })),
    z.strictObject({
      file: z.string(),
      /** 2: twice as fast as it was captured; 0: as fast as possible. */
      speed: z.number(SPEED_HELP).min(0, SPEED_HELP).default(1),
      /** How often the file is sent; 0: until the time is over. */
      loop: whole(0, 1e9).default(1),
    }),
  ],
  'expected a pcap or pcapng file, or { file, speed, loop }',
);

/** One stream. What is left out is chosen to fit the router under test. */
export const StreamSchema = z.strictObject({
  name: z.string('expected text').optional(),
  /** Generator ports: where it is sent, where it is expected. */
  from: whole(0, 255).default(0),
  to: whole(0, 255).default(1),
  /** A second stream the other way. */
  bidirectional: yes.default(false),
  srcMac: mac.optional(),
  dstMac: mac.optional(),
  /** Its Ethernet address is asked for by ARP, and becomes the destination. */
  gateway: z.ipv4('expected an IPv4 address').optional(),
  /** Of the first IP header. */
  src: addresses.optional(),
  dst: addresses.optional(),
  srcPort: ports.optional(),
  dstPort: ports.optional(),
  ttl: whole(1, 255).optional(),
  tos: whole(0, 255).optional(),
  /** Headers, in place of Ethernet, IP and UDP. */
  layers: z.unknown().optional(),
  /** Frames in hexadecimal, sent one after the other before the stream, until its packets come through: a session's start. */
  opening: z
    .array(z.string().regex(/^([0-9a-fA-F]{2}){14,1514}$/, OPENING_HELP), OPENING_HELP)
    .max(64, OPENING_HELP)
    .optional(),
  /** A trace file instead. */
  replay: ReplaySchema.optional(),
  size: size.optional(),
  rate: load.default({ unit: 'pps', value: 0 }),
  /** Its part of a rate that is given for all streams together. */
  weight: whole(1, 32768).default(1),
  pace: z.enum(['constant', 'poisson'], "expected 'constant' or 'poisson'").default('constant'),
  /** Packets sent back to back, at the same rate in the mean. */
  burst: whole(1, 1_000_000).default(1),
  /** Correct UDP checksums; otherwise 0. Always with IPv6. */
  checksum: yes.default(true),
  /** False: without the signature that tells loss, order and latency. */
  track: yes.default(true),
  seed: whole(0, 0xffffffff).default(1),
  /** Takes the time of every n-th packet; 0: of none. */
  sample: whole(0, 0xffffffff).default(1),
});

export type Described = z.output<typeof StreamSchema>;
export type StreamInput = z.input<typeof StreamSchema>;
