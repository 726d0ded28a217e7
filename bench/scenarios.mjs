// The scenarios of the matrix as configurations. Each is text that Click, FastClick and Clicklet accept, with packets
// from memory; where more than one flow is needed, PktgenSource makes them, which only Clicklet has.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const configs = join(dirname(fileURLToPath(import.meta.url)), '..', 'configs', 'bench');
// 100,000 packets: what instructions are counted of.
const template = (name) =>
  readFileSync(join(configs, `${name}.click`), 'utf8').replace('$LIMIT 10000000', '$LIMIT 100000');

/** Bytes of a packet in memory: 1514 is Ethernet's 1518 without the frame check sequence, which no packet in memory has. */
export const SIZES = [64, 128, 256, 512, 1024, 1514];

const bytes = (hex) => Buffer.from(hex.replace(/\s/g, ''), 'hex');

/** Internet checksum (RFC 1071). */
function checksum(data) {
  let sum = 0;
  for (let i = 0; i < data.length; i += 2) sum += (data[i] << 8) | (data[i + 1] ?? 0);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

/** An IPv4 packet of `length` bytes: protocol 6 or 17 with ports, payload zero. */
export function ipPacket(length, { protocol, src, dst, ports }) {
  const p = Buffer.alloc(length);
  p[0] = 0x45;
  p.writeUInt16BE(length, 2);
  p.writeUInt16BE(0x4000, 6); // don't fragment
  p[8] = 64;
  p[9] = protocol;
  bytes(src).copy(p, 12);
  bytes(dst).copy(p, 16);
  p.writeUInt16BE(checksum(p.subarray(0, 20)), 10);
  bytes(ports).copy(p, 20);
  if (protocol === 17) p.writeUInt16BE(length - 20, 24); // no UDP checksum
  else {
    p[32] = 0x50;
    p[33] = 0x10;
    p.writeUInt16BE(0x2000, 34);
  }
  return p;
}

const udp = { protocol: 17, src: '0a000002', dst: '0a000102', ports: '04000009' };
const tcp = { protocol: 6, src: '0a000002', dst: 'c0000207', ports: '13880050' };
const ETHER = '020000000010020000000099';
const frame = (size, ip) => Buffer.concat([bytes(`${ETHER}0800`), ipPacket(size - 14, ip)]);

/** The same packet again and again, 32 in one go. */
const constant = (packet) =>
  `source :: InfiniteSource(DATA \\<${packet.toString('hex')}>, LIMIT $LIMIT, BURST 32, STOP true, TIMESTAMP false)`;

/** Packets in which the 4 bytes at `at` take `count` values in turn. */
export const varied = (packet, at, count) => {
  const headers = Buffer.from(packet.subarray(0, 48));
  const first = headers.readUInt32BE(at);
  headers.fill(0, at, at + 4);
  return `source :: PktgenSource(FRAME ${headers.toString('hex')}, FIELDS "${at}/4/0/inc/${first}/${count}",
  SIZE ${packet.length + 4}, TRACK false, SAMPLE 0, LIMIT $LIMIT, STOP true)`;
};
const HEAD = 'define($LIMIT 100000);\n';
const replaceSource = (text, source) => text.replace(/InfiniteSource\([\s\S]*?TIMESTAMP false\)/, () => source);

/** `n` prefixes /24 spread over 16.0.0.0/4, behind interfaces 1 to 3. */
const routes = (n) =>
  Array.from({ length: n }, (_, i) => {
    const a = (0x10000000 + Math.floor((i * 2 ** 28) / n)) & 0xffffff00;
    return `${a >>> 24}.${(a >>> 16) & 255}.${(a >>> 8) & 255}.0/24 ${2 + (i % 3)}`;
  }).join(', ');

/** `n` rules, of which only the last one matches. */
const rules = (n) =>
  [
    ...Array.from({ length: n - 1 }, (_, i) => {
      const kind = ['tcp', 'udp'][i & 1];
      return `deny src net 172.${16 + ((i >> 8) & 15)}.${i & 255}.0/24 and ${kind} dst port ${1024 + (i % 60000)}`;
    }),
    'allow dst net 192.0.2.0/24 and tcp dst port 80',
  ].join(',\n    ');

const balancer = (source) => `${HEAD}
servers :: RoundRobinIPMapper(- - 10.1.0.10 - 0 1, - - 10.1.0.11 - 0 1, - - 10.1.0.12 - 0 1, - - 10.1.0.13 - 0 1);
${source}
  -> MarkIPHeader
  -> client :: IPClassifier(dst host 192.0.2.7 and (tcp or udp) and dst port 80, dst host 192.0.2.7 and icmp type echo, -);
client[1] -> Discard;
client[2] -> Discard;
client[0] -> rewriter :: IPRewriter(servers, drop, CAPACITY 4000000)
  -> server :: IPClassifier(dst host 10.1.0.10, dst host 10.1.0.11, dst host 10.1.0.12, -);
server[0] -> s0 :: Counter -> Discard;
server[1] -> s1 :: Counter -> Discard;
server[2] -> s2 :: Counter -> Discard;
server[3] -> s3 :: Counter -> Discard;
Idle -> [1] rewriter;
rewriter[1] -> Discard;
`;

const learning = (source) => `${HEAD}
switch :: EtherSwitch;
// The host that frames are for sends one itself, so that the switch knows where it is.
InfiniteSource(DATA \\<0200000000990200000000100800>, LENGTH 64, LIMIT 1, TIMESTAMP false) -> [1] switch;
${source} -> [0] switch;
switch[0] -> Discard;
switch[1] -> c :: Counter -> Discard;
Idle -> [2] switch [2] -> Discard;
Idle -> [3] switch [3] -> Discard;
`;

/**
 * A configuration for two threads, with a source for each: both feed the same elements where these keep no state (each
 * thread then has its own of them), else each has a router of its own.
 */
export function twice(text, stateless) {
  const [source, made] = /source :: (\w+\((?:"[^"]*"|[^")])*\))/.exec(text);
  const end = 'DriverManager(pause, pause);\n';
  if (!stateless) return `${HEAD}elementclass Side {\n${text.replace(HEAD, '')}\n}\na :: Side; b :: Side;\n${end}`;
  return `${text.replace(source, 'path :: Null')}\nsource :: ${made} -> path;\nsource2 :: ${made} -> path;\n${end}`;
}

/**
 * Name to scenario: what its table holds (`entries`), sizes of the table in the full matrix and in the short form, and
 * the configuration of one size of packet and table. `portable`: reference engines take it too. `stateless`: packets of
 * several sources may pass the same elements.
 */
export const SCENARIOS = {
  wire: {
    stateless: true,
    entries: null,
    full: [null],
    short: [null],
    portable: () => true,
    config: (size) => `${HEAD}\n${constant(Buffer.alloc(size))} -> c :: Counter -> Discard;\n`,
  },
  'ip-router': {
    stateless: true,
    entries: 'routes',
    full: [14, 1, 100, 1_000, 10_000, 60_000],
    short: [14, 10_000],
    portable: (n) => n === 14,
    config(size, n) {
      const text = replaceSource(template('ip-router'), constant(frame(size, udp)));
      if (n === 14) return text;
      // Random destinations by annotation: what the table costs, with the same packet in memory.
      return text
        .replace(/StaticIPLookup\([\s\S]*?\);/, () => `RadixIPLookup(0.0.0.0/0 4${n > 1 ? `, ${routes(n - 1)}` : ''});\n`)
        .replace('/24) -> routes;', '/24) -> SetRandIPAddress(16.0.0.0/4) -> routes;');
    },
  },
  firewall: {
    stateless: true,
    entries: 'rules',
    full: [20, 10, 100, 1_000, 10_000],
    short: [20, 1_000],
    portable: (n) => n === 20,
    config(size, n) {
      const text = replaceSource(template('firewall'), constant(ipPacket(size, tcp)));
      return n === 20 ? text : text.replace(/IPFilter\([\s\S]*?\)\n/, () => `IPFilter(\n    ${rules(n)})\n`);
    },
  },
  nat: {
    entries: 'flows',
    full: [1, 1_000, 100_000, 1_000_000],
    short: [1, 100_000],
    portable: (n) => n === 1,
    config(size, n) {
      const packet = ipPacket(size, tcp);
      const text = replaceSource(template('nat'), n === 1 ? constant(packet) : varied(packet, 16, n));
      return text.replace('0 1, drop)', '0 1, drop, CAPACITY 4000000)');
    },
  },
  'load-balancer': {
    entries: 'flows',
    full: [1, 1_000, 100_000, 1_000_000],
    short: [1, 100_000],
    portable: (n) => n === 1,
    config(size, n) {
      const packet = ipPacket(size, tcp);
      return balancer(n === 1 ? constant(packet) : varied(packet, 12, n));
    },
  },
  'learning-switch': {
    entries: 'hosts',
    full: [2, 1_000, 100_000],
    short: [2, 100_000],
    portable: (n) => n === 2,
    config(size, n) {
      const packet = frame(size, udp);
      return learning(n === 2 ? constant(packet) : varied(packet, 8, n - 1));
    },
  },
};
