/** Streams of test packets: their description, checked, and what it means. */

import { isAbsolute, join } from 'node:path';
import type { z } from 'zod';
import { FieldError } from './field-values.ts';
import { layers as layerSpecs } from './frame-layers.ts';
import {
  compileFrame,
  type FrameIssue,
  type FrameProgram,
  type Layer,
  leastSize,
  readLayers,
} from './frames.ts';
import { DEFAULT_LINE_RATE, type Load, loadPps, parseLoad } from './stream-rate.ts';
import { type Described, StreamSchema } from './stream-schema.ts';
import { meanSize, parseSizes } from './stream-size.ts';
import { traceProblem } from './trace-file.ts';

export { parseRate } from './stream-rate.ts';

export interface Stream extends Omit<Described, 'layers' | 'size' | 'rate' | 'bidirectional'> {
  layers: Layer[];
  /** As PktgenSource takes it. */
  size: string;
  /** Packets a second at that size; 0: as fast as they are taken. */
  rate: number;
  /** The rate as packets or bits a second: what the latter are in packets depends on the size. */
  load: Load;
}

const TOP_KEYS = ['streams', 'lineRate'];

/** What is wrong with a stream description, one line for each mistake. */
export class StreamError extends Error {
  readonly exitCode = 1;
}

export interface ReadOptions {
  /** Bits a second, in place of what the description says. */
  lineRate?: number | undefined;
  /** The folder that trace files are named from. Without it they are not looked at. */
  folder?: string;
}

/** Every mistake in a description of streams, or the streams. */
export function readStreams(
  value: unknown,
  o: ReadOptions = {},
): { streams: Stream[]; issues: FrameIssue[] } {
  const issues: FrameIssue[] = [];
  const top =
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  for (const key of Object.keys(top))
    if (!TOP_KEYS.includes(key))
      issues.push({
        path: [key],
        message: `unknown key '${key}': expected ${TOP_KEYS.join(', ')}`,
        atKey: true,
      });
  const line = parseLoad(String(top.lineRate ?? '10Gbit/s').replace(/([kMG])$/, '$1bit/s'));
  if (line?.unit !== 'bits')
    issues.push({ path: ['lineRate'], message: 'expected bits a second such as 10G or 25Gbit/s' });
  const list = top.streams;
  if (!Array.isArray(list) || !list.length || list.length > 1024) {
    const path = 'streams' in top ? ['streams'] : [];
    issues.push({ path, message: 'expected streams: a list of 1 to 1024 streams' });
    return { streams: [], issues };
  }
  const rate = o.lineRate ?? (line?.unit === 'bits' ? line.value : DEFAULT_LINE_RATE);
  const streams = list.flatMap((item, i) => readStream(item, ['streams', i], rate, o.folder, issues));
  return { streams, issues };
}

function readStream(
  value: unknown,
  path: FrameIssue['path'],
  line: number,
  folder: string | undefined,
  issues: FrameIssue[],
): Stream[] {
  const before = issues.length;
  const given = value as Record<string, unknown> | null;
  let list: Layer[] | undefined;
  if (given && typeof given === 'object' && given.layers !== undefined)
    list = readLayers(given.layers, issues, [...path, 'layers']);
  if (value !== null && value !== undefined && (typeof value !== 'object' || Array.isArray(value))) {
    issues.push({ path, message: 'expected a stream: keys with values, such as { size: 64, rate: 1M }' });
    return [];
  }
  const result = StreamSchema.safeParse(value ?? {});
  for (const i of result.error?.issues ?? []) addZodIssue(i, path, issues);
  if (!result.success || issues.length > before) return [];
  const d = result.data;
  const at = (key: string) => [...path, key];
  if (d.replay && list) issues.push({ path: at('replay'), message: 'replay and layers exclude each other' });
  if (d.replay && d.size !== undefined)
    issues.push({ path: at('size'), message: 'the trace file has its own sizes' });
  if (d.replay && d.rate.unit !== 'pps')
    issues.push({
      path: at('rate'),
      message: 'expected packets a second: the sizes are those of the trace file',
    });
  if (d.replay && folder !== undefined) {
    if (!isAbsolute(d.replay.file)) d.replay.file = join(folder, d.replay.file);
    const problem = traceProblem(d.replay.file);
    const where = typeof given?.replay === 'object' ? ['replay', 'file'] : ['replay'];
    if (problem) issues.push({ path: [...path, ...where], message: problem });
  }
  if (!list && d.src && d.dst && d.src.includes(':') !== d.dst.includes(':'))
    issues.push({ path: at('dst'), message: 'src and dst must both be IPv4 or both be IPv6' });
  if (issues.length > before) return [];
  const stream = finish(d, list ?? plainLayers(d), line, path, issues);
  if (!stream) return [];
  return d.bidirectional ? [stream, mirrored(stream)] : [stream];
}

function addZodIssue(i: z.core.$ZodIssue, path: FrameIssue['path'], issues: FrameIssue[]): void {
  const where = [...path, ...(i.path as (string | number)[])];
  if (i.code !== 'unrecognized_keys') {
    issues.push({ path: where, message: i.message });
    return;
  }
  for (const key of i.keys)
    issues.push({
      path: [...where, key],
      message: `unknown key '${key}'${i.path.length ? '' : `: expected ${Object.keys(StreamSchema.shape).join(', ')}`}`,
      atKey: true,
    });
}

function plainLayers(d: Described): Layer[] {
  const ip6 = (d.src ?? d.dst ?? '').includes(':');
  return [
    { name: 'ether', values: {} },
    { name: ip6 ? 'ipv6' : 'ipv4', values: {} },
    { name: 'udp', values: {} },
  ];
}

function finish(
  d: Described,
  list: Layer[],
  line: number,
  path: FrameIssue['path'],
  issues: FrameIssue[],
): Stream | undefined {
  const { bidirectional: _, layers: __, rate: load, ...rest } = d;
  const stream: Stream = { ...rest, layers: list, load, rate: 0, size: '64' };
  let headers = 0;
  try {
    headers = streamFrame(stream).header.length;
  } catch (e) {
    if (!(e instanceof FieldError)) throw e;
    issues.push({ path: d.layers ? [...path, 'layers'] : path, message: e.message });
    return undefined;
  }
  const least = leastSize(headers, d.track);
  const sizes = parseSizes(d.size ?? least, least);
  if (typeof sizes === 'string') {
    issues.push({ path: [...path, 'size'], message: sizes });
    return undefined;
  }
  stream.size = sizes.text;
  if (load.unit === 'percent') stream.load = { unit: 'bits', value: (load.value / 100) * line, layer: 1 };
  stream.rate = loadPps(stream.load, meanSize(sizes));
  return stream;
}

/** The same stream the other way: ports, addresses and port numbers change places; Ethernet addresses are chosen anew. */
function mirrored(s: Stream): Stream {
  const { srcMac: _, dstMac: __, gateway: ___, opening: ____, ...rest } = s;
  let seen = false;
  const back = s.layers.map((l): Layer => {
    if (l.name === 'ether' && !seen) {
      seen = true;
      const { src: _, dst: __, ...values } = l.values;
      return { ...l, values };
    }
    if (!('src' in l.values || 'dst' in l.values)) return l;
    const { src, dst, ...values } = l.values;
    return {
      ...l,
      values: {
        ...values,
        ...(dst === undefined ? {} : { src: dst }),
        ...(src === undefined ? {} : { dst: src }),
      },
    };
  });
  return {
    ...rest,
    ...(s.name === undefined ? {} : { name: `${s.name} back` }),
    from: s.to,
    to: s.from,
    src: s.dst,
    dst: s.src,
    srcPort: s.dstPort,
    dstPort: s.srcPort,
    layers: back,
  };
}

/** Check a description of streams. Throws StreamError with every mistake and where it is. */
export function checkStreams(value: unknown, file = 'streams'): Stream[] {
  const { streams, issues } = readStreams(value);
  if (!issues.length) return streams;
  throw new StreamError(issues.map((i) => `${file}: ${place(i.path)}${i.message}`).join('\n'));
}

const place = (path: readonly PropertyKey[]): string =>
  path.length
    ? `${path.map((p, i) => (typeof p === 'number' ? `[${p}]` : i ? `.${String(p)}` : String(p))).join('')}: `
    : '';

/** Packets a second of a stream whose frames have other sizes than its own; undefined: its own. */
export function rateAt(s: Stream, size: string | undefined): number {
  const sizes = size === undefined ? undefined : parseSizes(size);
  return typeof sizes === 'object' ? loadPps(s.load, meanSize(sizes)) : s.rate;
}

/** Packets a second of all streams together at a rate that is given for all of them; `size` in place of their own. */
export function totalRate(rate: number | Load, streams: readonly Stream[], size: string | undefined): number {
  if (typeof rate === 'number') return rate;
  const share = shareOf(streams);
  const mean = streams.reduce((bytes, s, i) => {
    const sizes = parseSizes(size ?? s.size);
    return bytes + share[i]! * (typeof sizes === 'object' ? meanSize(sizes) : 0);
  }, 0);
  return loadPps(rate, mean);
}

/** The share of each stream in a rate that is given for all of them, by their weights. */
export function shareOf(streams: readonly Pick<Stream, 'weight'>[]): number[] {
  const all = streams.reduce((n, s) => n + s.weight, 0);
  return streams.map((s) => s.weight / all);
}

/** Whether the sink can know its packets. */
export const isTracked = (s: Stream): boolean => s.track && !s.replay;

/** IPv6, by its first IP header. */
export const isIp6 = (s: Stream): boolean =>
  s.layers.find((l) => l.name === 'ipv4' || l.name === 'ipv6')?.name === 'ipv6';

export const defaultMac = (port: number, router = false): string =>
  `02:00:00:00:${router ? '01' : '00'}:${(port + 1).toString(16).padStart(2, '0')}`;

/** The headers with what the stream itself says of the first Ethernet, IP and UDP or TCP header. */
function completeLayers(s: Stream): Layer[] {
  const defined = (o: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined));
  const seen = new Set<string>();
  return s.layers.map((l) => {
    const kind =
      'src' in layerSpecs[l.name].fields
        ? ({ ipv4: 'ip', ipv6: 'ip', tcp: 'port', udp: 'port' }[l.name as string] ?? l.name)
        : '';
    if (!kind || seen.has(kind)) return l;
    seen.add(kind);
    const values =
      kind === 'ether'
        ? { src: s.srcMac ?? defaultMac(s.from), dst: s.dstMac ?? defaultMac(s.from, true) }
        : kind === 'ip'
          ? { src: s.src, dst: s.dst, ttl: s.ttl, tos: s.tos }
          : { src: s.srcPort, dst: s.dstPort };
    return { ...l, values: { ...defined(values), ...l.values } };
  });
}

/** The program of a stream's frames. */
export const streamFrame = (s: Stream): FrameProgram => compileFrame(completeLayers(s), s.checksum);

/** The element that makes a stream, named `name`, not yet sending. `key`: other than the usual one. */
export function sourceElement(name: string, id: number, s: Stream, key?: number): string {
  const pace: [string, string | number | boolean][] = [
    ['RATE', s.rate],
    ['PACE', s.pace],
    ['BURST', s.burst],
    ['SEED', s.seed],
    ['ACTIVE', false],
  ];
  const join = (args: typeof pace) => args.map(([k, v]) => `${k} ${v}`).join(', ');
  if (s.replay) {
    const ether: typeof pace = [];
    if (s.srcMac) ether.push(['SRC_ETH', s.srcMac]);
    if (s.dstMac) ether.push(['DST_ETH', s.dstMac]);
    const { file, speed, loop } = s.replay;
    return `${name} :: PktgenReplay(${JSON.stringify(file)}, ${join([['SPEED', speed], ['LOOP', loop], ...ether, ...pace])});`;
  }
  const f = streamFrame(s);
  const quoted = (words: string[]) => `"${words.join(' ')}"`;
  return `${name} :: PktgenSource(${join([
    ['STREAM', id],
    ['SIZE', s.size],
    ['FRAME', f.header.toString('hex')],
    ['FIELDS', quoted(f.fields)],
    ['LENGTHS', quoted(f.lengths)],
    ['CHECKSUMS', quoted(f.checksums)],
    ['TRACK', s.track],
    ...(key === undefined ? [] : ([['KEY', key]] satisfies typeof pace)),
    ['SAMPLE', s.sample],
    ...pace,
  ])});`;
}
