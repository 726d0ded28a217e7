/** What a header field may be: one value, a range in turn or at random, a list. */

import { isIPv4, isIPv6 } from 'node:net';

export type FieldKind = 'number' | 'ip4' | 'ip6' | 'mac';

/** Values that a field takes, packet by packet. Numbers are as wide as the field (an IPv6 address: 128 bits). */
export interface FieldValues {
  mode: 'constant' | 'inc' | 'dec' | 'random' | 'list';
  /** The first; downwards the highest. For a list all of them. */
  values: bigint[];
  count: bigint;
  step: bigint;
  /** Each value is kept for so many packets. */
  every: number;
}

/** A number or address as an integer; undefined if it is none. */
export function parseValue(text: string, kind: FieldKind): bigint | undefined {
  if (kind === 'number') return /^(\d+|0x[0-9a-fA-F]+)$/.test(text) ? BigInt(text) : undefined;
  if (kind === 'mac')
    return /^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$/.test(text)
      ? BigInt(`0x${text.replaceAll(/[:-]/g, '')}`)
      : undefined;
  if (kind === 'ip4')
    return isIPv4(text) ? text.split('.').reduce((n, x) => n * 256n + BigInt(x), 0n) : undefined;
  return isIPv6(text) && !text.includes('%') ? parseIp6(text) : undefined;
}

function parseIp6(text: string): bigint {
  // An embedded IPv4 address is the last two groups.
  const plain = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [a * 256 + Number(b), c * 256 + Number(d)].map((x) => x.toString(16)).join(':'),
  );
  const groups = (part: string) => (part ? part.split(':') : []);
  const [head, tail] = plain.split('::');
  const first = groups(head!);
  const last = groups(tail ?? '');
  const zeros = Array(8 - first.length - last.length).fill('0');
  return [...first, ...zeros, ...last].reduce((n, x) => (n << 16n) | BigInt(`0x${x}`), 0n);
}

const examples: Record<FieldKind, string> = {
  number: "a number, FIRST-LAST or a list, such as '5', '1-100 random' or [1, 5]",
  ip4: "ADDR, FIRST-LAST or ADDR/LEN of IPv4, such as '10.0.0.2-10.0.0.99 random'",
  ip6: "ADDR, FIRST-LAST or ADDR/LEN of IPv6, such as 'fd00::2-fd00::99 random'",
  mac: "an Ethernet address or FIRST-LAST, such as '02:00:00:00:00:01'",
};

/** What is wrong with a field's text. */
export class FieldError extends Error {}

const expected = (kind: FieldKind): FieldError =>
  new FieldError(`expected ${examples[kind]}; then perhaps inc, dec, random, 'step N', 'every N'`);

function endsOf(range: string, kind: FieldKind, bits: number): [bigint, bigint] {
  const prefix = /^(.+)\/(\d+)$/.exec(range);
  if (prefix && (kind === 'ip4' || kind === 'ip6')) {
    const address = parseValue(prefix[1]!, kind);
    const length = Number(prefix[2]);
    if (address === undefined || length > bits) throw expected(kind);
    const all = (1n << BigInt(bits - length)) - 1n;
    const low = address & ~all;
    const host = all > 0xffffffffn ? 0xffffffffn : all; // of a large network its first 2^32 addresses
    // Without the network's own address and the broadcast address.
    return host > 1n ? [low + 1n, low + host - 1n] : [low, low + host];
  }
  const one = parseValue(range, kind);
  if (one !== undefined) return [one, one];
  // An Ethernet address may be written with '-' itself, so the range's '-' is the one that splits into two.
  for (let at = range.indexOf('-'); at > 0; at = range.indexOf('-', at + 1)) {
    const low = parseValue(range.slice(0, at), kind);
    const high = parseValue(range.slice(at + 1), kind);
    if (low !== undefined && high !== undefined) return [low, high];
  }
  throw expected(kind);
}

interface Options {
  mode: 'inc' | 'dec' | 'random';
  step: bigint;
  every: number;
}

function parseOptions(words: string[], kind: FieldKind): Options {
  const o: Options = { mode: 'inc', step: 1n, every: 1 };
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === 'inc' || word === 'dec' || word === 'random') o.mode = word;
    else if ((word === 'step' || word === 'every') && /^[1-9]\d{0,8}$/.test(words[0] ?? '')) {
      const n = words.shift()!;
      if (word === 'step') o.step = BigInt(n);
      else o.every = Number(n);
    } else throw expected(kind);
  }
  return o;
}

/** Read what a configuration says of a field of `bits` bits. Throws FieldError. */
export function parseField(value: unknown, kind: FieldKind, bits: number): FieldValues {
  const fits = (n: bigint) => {
    if (n >= 1n << BigInt(bits)) throw new FieldError(`${n} does not fit: the field has ${bits} bits`);
    return n;
  };
  if (Array.isArray(value)) {
    if (!value.length || value.length > 4096) throw new FieldError('expected a list of 1 to 4096 values');
    const values = value.map((x) => {
      const n = parseValue(String(x), kind);
      if (n === undefined) throw expected(kind);
      return fits(n);
    });
    return { mode: 'list', values, count: BigInt(values.length), step: 1n, every: 1 };
  }
  if (typeof value !== 'string' && typeof value !== 'number') throw expected(kind);
  const [range, ...words] = String(value).trim().split(/\s+/);
  const { mode, step, every } = parseOptions(words, kind);
  const [low, high] = endsOf(range!, kind, bits);
  if (low > high) throw new FieldError(`the range ends before it begins: '${range}'`);
  fits(high);
  const count = (high - low) / step + 1n;
  if (count === 1n) return { mode: 'constant', values: [low], count, step, every };
  const first = mode === 'dec' ? high : low;
  return { mode, values: [first], count, step, every };
}
