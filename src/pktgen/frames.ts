/** From the headers of a stream to the program that PktgenSource runs: bytes, fields, lengths, checksums. */

import { FieldError, type FieldValues, parseField } from './field-values.ts';
import { cannotCarry, type FieldSpec, type LayerName, layerNames, layers } from './frame-layers.ts';

/** One header and what is said of its fields. */
export interface Layer {
  name: LayerName;
  values: Record<string, unknown>;
}

/** A mistake and where it is: the path into what was given, its last part a key that should not be there, or a value. */
export interface FrameIssue {
  path: (string | number)[];
  message: string;
  atKey?: boolean;
}

/** What PktgenSource takes as FRAME, FIELDS, LENGTHS and CHECKSUMS. */
export interface FrameProgram {
  header: Buffer;
  fields: string[];
  lengths: string[];
  checksums: string[];
}

/** Bytes of signature, of frame check sequence; the largest frame with it. */
export const SIGNATURE = 18;
export const FCS = 4;
export const LONGEST_FRAME = 9216;
const MAX_HEADERS = 512;
const MAX_FIELDS = 32;
const MAX_SUMS = 8;

/** The smallest frame, frame check sequence included, that holds such headers and the signature. */
export function leastSize(headerBytes: number, tracked: boolean): number {
  return Math.max(64, FCS + (tracked ? ((headerBytes + 1) & ~1) + SIGNATURE : headerBytes));
}

/** Read layers as YAML or flags have them: names, or objects with one key. Mistakes go to `issues`. */
export function readLayers(value: unknown, issues: FrameIssue[], path: FrameIssue['path'] = []): Layer[] {
  if (!Array.isArray(value) || !value.length) {
    issues.push({ path, message: 'expected a list of headers, such as [ether, ipv4, udp]' });
    return [];
  }
  const found: Layer[] = [];
  for (const [i, item] of value.entries()) {
    const keys = typeof item === 'object' && item !== null ? Object.keys(item) : [String(item)];
    const name = keys[0] as LayerName;
    const inner = typeof item === 'object' && item !== null ? (item as Record<string, unknown>)[name] : null;
    if (keys.length !== 1 || !layerNames.includes(name)) {
      const what = keys.length === 1 ? `unknown header '${name}'` : 'each entry is one header';
      const at = keys.length === 1 && inner !== null ? [...path, i, name] : [...path, i];
      issues.push({
        path: at,
        message: `${what}: expected ${layerNames.join(', ')}`,
        atKey: at.length > path.length + 1,
      });
    } else if (inner !== null && inner !== undefined && (typeof inner !== 'object' || Array.isArray(inner))) {
      issues.push({
        path: [...path, i, name],
        message: `expected the fields of ${name}, such as { ${example(name)} }`,
      });
    } else {
      found.push({ name, values: (inner ?? {}) as Record<string, unknown> });
      checkFields(found.at(-1)!, [...path, i, name], issues);
      const why =
        found.length > 1 && found.length === i + 1 ? cannotCarry(found[i - 1]!.name, name) : undefined;
      if (why) issues.push({ path: [...path, i], message: why });
      if (i === 0 && name !== 'ether')
        issues.push({ path: [...path, i], message: 'the first header must be ether' });
    }
  }
  return found;
}

const example = (name: LayerName): string => {
  const [key, spec] = Object.entries(layers[name].fields)[0]!;
  return `${key}: ${spec.default}`;
};

/** Options of a header that are no fields in it. */
const isOption = (layer: LayerName, key: string): boolean => layer === 'udp' && key === 'checksum';

function checkFields(layer: Layer, path: FrameIssue['path'], issues: FrameIssue[]): void {
  const known = layers[layer.name].fields;
  for (const [key, value] of Object.entries(layer.values)) {
    const spec = Object.hasOwn(known, key) ? known[key] : undefined;
    if (isOption(layer.name, key)) {
      if (typeof value !== 'boolean')
        issues.push({ path: [...path, key], message: 'expected true or false' });
    } else if (!spec) {
      const names = Object.keys(known).join(', ');
      issues.push({
        path: [...path, key],
        message: `${layer.name} has no '${key}': it has ${names}`,
        atKey: true,
      });
    } else {
      try {
        placeOf(spec, parseField(value, spec.kind, spec.bits), 0);
      } catch (e) {
        if (!(e instanceof FieldError)) throw e;
        issues.push({ path: [...path, key], message: e.message });
      }
    }
  }
}

/** The 2 or 4 bytes at an even offset in which the field's changing bits lie. Throws FieldError. */
function placeOf(spec: FieldSpec, v: FieldValues, base: number): { at: number; bytes: 2 | 4; shift: number } {
  let bit = spec.at;
  let bits = spec.bits;
  if (bits > 32) {
    const ends = v.mode === 'list' ? v.values : [v.values[0]!, lastOf(v)];
    if (v.mode !== 'constant' && ends.some((x) => x >> 32n !== ends[0]! >> 32n))
      throw new FieldError('the values of a range or list may differ in their last 32 bits only');
    bit += bits - 32;
    bits = 32;
  }
  const at = Math.floor(bit / 16) * 2;
  const bytes = bit + bits <= at * 8 + 16 ? 2 : 4;
  return { at: base + at, bytes, shift: at * 8 + bytes * 8 - bit - bits };
}

const lastOf = (v: FieldValues): bigint => {
  const span = (v.count - 1n) * v.step;
  return v.mode === 'dec' ? v.values[0]! - span : v.values[0]! + span;
};

/** Write a number of `bits` bits at bit `at` of a buffer. */
function writeBits(b: Buffer, at: number, bits: number, value: bigint): void {
  for (let i = 0; i < bits; i++)
    if ((value >> BigInt(bits - 1 - i)) & 1n) b[(at + i) >> 3]! |= 0x80 >> ((at + i) & 7);
}

const low32 = (n: bigint): bigint => n & 0xffffffffn;

function fieldWord(spec: FieldSpec, v: FieldValues, base: number): string {
  const { at, bytes, shift } = placeOf(spec, v, base);
  const head = `${at}/${bytes}/${shift}/${v.mode}`;
  if (v.mode === 'list') return `${head}/${v.values.map(low32).join('/')}`;
  return `${head}/${low32(v.values[0]!)}/${v.count}/${v.step}/${v.every}`;
}

/** The program for checked layers. `checksum`: UDP checksums where the header does not say. Throws FieldError. */
export function compileFrame(list: readonly Layer[], checksum = true): FrameProgram {
  const total = list.reduce((n, l) => n + layers[l.name].bytes, 0);
  const program: FrameProgram = { header: Buffer.alloc(total), fields: [], lengths: [], checksums: [] };
  let base = 0;
  let ip: { from: number; to: number } | undefined;
  for (const [i, layer] of list.entries()) {
    const spec = layers[layer.name];
    const following = list[i + 1]?.name;
    placeFields(program, layer, following, base);
    for (const [at, value] of spec.fixed ?? []) program.header[base + at]! |= value;
    const number = following && spec.next?.values[following];
    if (spec.next && number !== undefined)
      program.header.writeUIntBE(number, base + spec.next.at, spec.next.bytes);
    if (layer.name === 'mpls' && following !== 'mpls') program.header[base + 2]! |= 1; // bottom of stack
    if (spec.length) program.lengths.push(`${base + spec.length.at}/${base + spec.length.from}`);
    if (spec.checksum && wantsChecksum(layer, following, list[i - 1]?.name, checksum)) {
      const at = `${base + spec.checksum.at}/${base}`;
      const pseudo = spec.checksum.pseudo && ip ? `/${ip.from}/${ip.to}/${spec.protocol}` : '';
      // Inner checksums are part of what outer ones cover, so they come first.
      program.checksums.unshift(`${at}/${spec.checksum.header ? base + spec.bytes : 0}${pseudo}`);
    }
    if (spec.addresses) ip = { from: base + spec.addresses.from, to: base + spec.addresses.to };
    base += spec.bytes;
  }
  checkLimits(program);
  return program;
}

function placeFields(
  program: FrameProgram,
  layer: Layer,
  following: LayerName | undefined,
  base: number,
): void {
  const spec = layers[layer.name];
  const decided = following && spec.next?.values[following] !== undefined;
  for (const [key, field] of Object.entries(spec.fields)) {
    if (decided && (key === 'type' || key === 'protocol')) continue;
    const initial = layer.name === 'udp' && key === 'dst' && following === 'vxlan' ? 4789 : field.default;
    const v = parseField(layer.values[key] ?? initial, field.kind, field.bits);
    if (v.mode === 'constant') {
      writeBits(program.header, base * 8 + field.at, field.bits, v.values[0]!);
    } else {
      if (field.bits > 32)
        writeBits(program.header, base * 8 + field.at, field.bits - 32, v.values[0]! >> 32n);
      program.fields.push(fieldWord(field, v, base));
    }
  }
}

/** An outer UDP header of VXLAN over IPv4 has checksum 0 unless it is asked for (RFC 7348, section 5). */
function wantsChecksum(
  layer: Layer,
  following: LayerName | undefined,
  below: LayerName | undefined,
  checksum: boolean,
): boolean {
  if (layer.name !== 'udp' || below === 'ipv6') return true;
  const said = layer.values.checksum;
  return typeof said === 'boolean' ? said : checksum && following !== 'vxlan';
}

function checkLimits(p: FrameProgram): void {
  if (p.header.length > MAX_HEADERS)
    throw new FieldError(`the headers have ${p.header.length} bytes; ${MAX_HEADERS} are possible`);
  if (p.fields.length > MAX_FIELDS)
    throw new FieldError(
      `${p.fields.length} fields change from packet to packet; ${MAX_FIELDS} are possible`,
    );
  if (p.checksums.length > MAX_SUMS || p.lengths.length > MAX_SUMS)
    throw new FieldError(`more than ${MAX_SUMS} headers with lengths or checksums`);
}
