/** The protocol headers that streams are made of: their fields, and what they carry. */

import type { FieldKind } from './field-values.ts';

export interface FieldSpec {
  /** First bit in the header, width in bits. */
  at: number;
  bits: number;
  kind: FieldKind;
  default: string | number;
  doc: string;
}

/** A number that names the next layer: where it is in the header, in bytes, and its values. */
interface NextSpec {
  at: number;
  bytes: 1 | 2;
  values: Partial<Record<LayerName, number>>;
}

export interface LayerSpec {
  /** Length of the header in bytes. */
  bytes: number;
  fields: Record<string, FieldSpec>;
  /** Bytes that are the same in all: [offset, value]. */
  fixed?: [number, number][];
  next?: NextSpec;
  /** Layers that may follow where no number says which. */
  carries?: LayerName[];
  /** A 16-bit length: of everything from `from` bytes into the header on. */
  length?: { at: number; from: number };
  /** An Internet checksum: over the header only, or over everything from it on, perhaps with a pseudo header. */
  checksum?: { at: number; header?: true; pseudo?: true };
  /** Where the addresses are, for the pseudo header of what is carried. */
  addresses?: { from: number; to: number };
  /** Its number as an IP protocol. */
  protocol?: number;
}

const number = (at: number, bits: number, value: number, doc: string): FieldSpec => ({
  at,
  bits,
  kind: 'number',
  default: value,
  doc,
});

const etherTypes = {
  vlan: 0x8100,
  qinq: 0x88a8,
  mpls: 0x8847,
  pppoe: 0x8864,
  ipv4: 0x0800,
  ipv6: 0x86dd,
} as const;
const protocols = { icmp: 1, ipv4: 4, tcp: 6, udp: 17, ipv6: 41, icmpv6: 58 } as const;

export type LayerName =
  | 'ether'
  | 'vlan'
  | 'qinq'
  | 'mpls'
  | 'pppoe'
  | 'ipv4'
  | 'ipv6'
  | 'udp'
  | 'tcp'
  | 'icmp'
  | 'icmpv6'
  | 'vxlan';

const tag: LayerSpec = {
  bytes: 4,
  fields: {
    id: number(4, 12, 1, 'VLAN number'),
    priority: number(0, 3, 0, 'priority code point'),
    dei: number(3, 1, 0, 'drop eligible'),
  },
  next: { at: 2, bytes: 2, values: etherTypes },
};

const echo: Record<string, FieldSpec> = {
  type: number(0, 8, 8, 'type; 8 is an echo request'),
  code: number(8, 8, 0, 'code'),
  id: number(32, 16, 1, 'identifier'),
  seq: number(48, 16, 0, 'sequence number'),
};

export const layers: Record<LayerName, LayerSpec> = {
  ether: {
    bytes: 14,
    fields: {
      dst: { at: 0, bits: 48, kind: 'mac', default: '02:00:00:00:01:01', doc: 'destination' },
      src: { at: 48, bits: 48, kind: 'mac', default: '02:00:00:00:00:01', doc: 'source' },
      type: number(96, 16, 0x88b5, 'EtherType, where nothing that has one follows'),
    },
    next: { at: 12, bytes: 2, values: etherTypes },
  },
  vlan: tag,
  qinq: tag,
  mpls: {
    bytes: 4,
    fields: {
      label: number(0, 20, 16, 'label'),
      tc: number(20, 3, 0, 'traffic class'),
      ttl: number(24, 8, 64, 'time to live'),
    },
    carries: ['mpls', 'ipv4', 'ipv6', 'ether'],
  },
  pppoe: {
    bytes: 8,
    fields: { session: number(16, 16, 1, 'session number') },
    fixed: [[0, 0x11]],
    next: { at: 6, bytes: 2, values: { ipv4: 0x0021, ipv6: 0x0057 } },
    length: { at: 4, from: 6 },
  },
  ipv4: {
    bytes: 20,
    fields: {
      src: { at: 96, bits: 32, kind: 'ip4', default: '10.0.0.2', doc: 'source' },
      dst: { at: 128, bits: 32, kind: 'ip4', default: '10.0.1.2', doc: 'destination' },
      tos: number(8, 8, 0, 'type of service: DSCP and ECN'),
      id: number(32, 16, 0, 'identification'),
      df: number(49, 1, 1, "don't fragment"),
      ttl: number(64, 8, 64, 'time to live'),
      protocol: number(72, 8, 253, 'protocol, where nothing that has one follows'),
    },
    fixed: [[0, 0x45]],
    next: { at: 9, bytes: 1, values: protocols },
    length: { at: 2, from: 0 },
    checksum: { at: 10, header: true },
    addresses: { from: 12, to: 20 },
    protocol: protocols.ipv4,
  },
  ipv6: {
    bytes: 40,
    fields: {
      src: { at: 64, bits: 128, kind: 'ip6', default: 'fd00::2', doc: 'source; a range in its last 32 bits' },
      dst: { at: 192, bits: 128, kind: 'ip6', default: 'fd00:1::2', doc: 'destination; likewise' },
      tos: number(4, 8, 0, 'traffic class'),
      flow: number(12, 20, 0, 'flow label'),
      ttl: number(56, 8, 64, 'hop limit'),
      protocol: number(48, 8, 59, 'next header, where nothing that has one follows'),
    },
    fixed: [[0, 0x60]],
    next: { at: 6, bytes: 1, values: protocols },
    length: { at: 4, from: 40 },
    addresses: { from: 8, to: 40 },
    protocol: protocols.ipv6,
  },
  udp: {
    bytes: 8,
    fields: {
      src: number(0, 16, 1024, 'source port'),
      dst: number(16, 16, 9, 'destination port; 4789 if VXLAN follows'),
    },
    carries: ['vxlan'],
    length: { at: 4, from: 0 },
    checksum: { at: 6, pseudo: true },
    protocol: protocols.udp,
  },
  tcp: {
    bytes: 20,
    fields: {
      src: number(0, 16, 1024, 'source port'),
      dst: number(16, 16, 80, 'destination port'),
      seq: number(32, 32, 1, 'sequence number'),
      ack: number(64, 32, 0, 'acknowledgement number'),
      flags: number(104, 8, 0x02, 'flags: 1 FIN, 2 SYN, 4 RST, 8 PSH, 16 ACK, 32 URG, 64 ECE, 128 CWR'),
      window: number(112, 16, 65535, 'window'),
    },
    fixed: [[12, 0x50]],
    checksum: { at: 16, pseudo: true },
    protocol: protocols.tcp,
  },
  icmp: { bytes: 8, fields: echo, checksum: { at: 2 }, protocol: protocols.icmp },
  icmpv6: {
    bytes: 8,
    fields: { ...echo, type: number(0, 8, 128, 'type; 128 is an echo request') },
    checksum: { at: 2, pseudo: true },
    protocol: protocols.icmpv6,
  },
  vxlan: {
    bytes: 8,
    fields: { vni: number(32, 24, 1, 'network identifier') },
    fixed: [[0, 0x08]],
    carries: ['ether'],
  },
};

export const layerNames = Object.keys(layers) as LayerName[];

/** Why `upper` cannot stand directly in `lower`; undefined if it can. */
export function cannotCarry(lower: LayerName, upper: LayerName): string | undefined {
  const spec = layers[lower];
  const can = spec.carries ?? (Object.keys(spec.next?.values ?? {}) as LayerName[]);
  if (can.includes(upper)) return undefined;
  return can.length ? `${lower} carries ${can.join(', ')}, not ${upper}` : `${lower} carries no other header`;
}
