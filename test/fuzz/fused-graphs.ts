/** Random router graphs for the differential fuzzer: every class with an action, and what surrounds actions. */

import { elementDocumentation } from '../../src/cli/explain.ts';
import { compilePlan } from '../../src/engine/router.ts';
import { classTable } from '../../src/engine/table.ts';
import type { ElementClass } from '../../src/graph/class-table.ts';
import { AROUND } from './fused-packets.ts';
import { Random } from './random.ts';

export interface GraphNode {
  readonly id: number;
  readonly className: string;
  readonly args: string;
  readonly outputs: number;
}

export interface GraphEdge {
  readonly from: number;
  readonly fromPort: number;
  readonly to: number;
  readonly toPort: number;
}

/** A graph; nodes 0 and 1 are the source. Outputs without an edge end in files. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

// ---- Classes and their arguments

/** Not for graphs like these, and why. */
export const LEFT_OUT: Record<string, string> = {
  CheckPacket: 'stops the router at the first packet that is not as expected',
  Discard: 'every graph has it where packets end',
  CPUSwitch: 'switches by thread, of which there is one',
  FTPPortMapper: 'needs two rewriters by name',
  SpinlockAcquire: 'needs its release on every path',
  SpinlockPush: 'needs its release on every path',
  SpinlockRelease: 'needs its acquisition on every path',
  TimeFilter: 'stops the router',
  ToDump: 'is where packets end',
  ToIPFlowDumps: 'writes files named by the configuration',
  ToIPSummaryDump: 'writes a file named by the configuration',
};

/** What they do depends on the clock or on chance, so that it changes with the size of batches. */
const UNSTEADY =
  /^(Random|Rated|Bandwidth|Meter|RED|AdaptiveRED|Block|CompareBlock|AverageCounter|SetTimestamp|Store.*Time|Timestamp|TimeRange|AdjustTimestamp|IPFlowMeter|SetRandIP|DynamicUDP|IPRewriter|UDPRewriter|IPAddrRewriter|IPReassembler|EtherSwitch|AnonymizeIPAddr|AggregateIP|Print|IPPrint|IP6Print|ARPPrint|NotifierDebug|RFC2507)/;

const ADDRESSES = ['10.0.0.1', '10.0.1.2', '10.0.2.3', '10.1.0.4', '0.0.0.0', '255.255.255.255'];
const PREFIXES = [
  '0/0',
  '10.0.0.0/8',
  '10.0.0.0/16',
  '10.0.1.0/24',
  '10.0.0.2/32',
  '10.1.0.0/17',
  '224.0.0.0/4',
];
const ETHERS = ['02:00:00:00:00:10', '02:00:00:00:00:11', 'ff:ff:ff:ff:ff:ff'];
const FRAMES = [
  '12/0800',
  '12/0806',
  '12/86dd',
  '12/0800 23/11',
  '12/0800 23/06',
  '0/ff%80',
  '14/45',
  '!12/0800',
  '6/02 20/4000%e000',
  '30/0a00000?',
  '16/00%f0',
  '-',
];
const IP_RULES = [
  'tcp',
  'udp',
  'icmp',
  'icmp type 8',
  'ip proto 47',
  'src host 10.0.0.1',
  'dst net 10.0.1.0/24',
  'src port 80',
  'dst udp port 53',
  'tcp opt syn',
  'tcp opt ack && !(src port 22)',
  'ip frag',
  'ip unfrag',
  'ip ttl < 3',
  'ip tos 0',
  'ip vers 4 and ip hl > 5',
  'src net 10.0.0.0/16 or dst port 1024',
  'ip ce',
  'udp && dst port > 100',
  'not tcp',
  'src 10.0.0.2 and not dst 10.0.0.3',
  'ip len > 100',
  '10.0.2.3',
  'ip id 0',
];

const list = (r: Random, from: readonly string[], n: number) => Array.from({ length: n }, () => r.pick(from));

/** IP lookups: prefixes with gateways, to `outputs` ports, with a route for all addresses. */
function routes(r: Random): [string, number] {
  const outputs = r.between(1, 4);
  const used = r.shuffle(PREFIXES.slice(1)).slice(0, r.between(outputs - 1, 6));
  const lines = ['0/0', ...used].map((p, i) => {
    const gateway = r.chance(0.4) ? ` ${r.pick(ADDRESSES.slice(0, 4))}` : '';
    return `${p}${gateway} ${i < outputs ? i : r.below(outputs)}`;
  });
  return [r.shuffle(lines).join(', '), outputs];
}

function rules(r: Random): [string, number] {
  const outputs = r.between(1, 3);
  const lines = Array.from({ length: r.between(outputs, 6) }, (_, i) => {
    const action = i < outputs ? i : r.pick(['drop', 'allow', String(r.below(outputs))]);
    return `${action} ${r.chance(0.4) ? `(${r.pick(IP_RULES)}) && (${r.pick(IP_RULES)})` : r.pick(IP_RULES)}`;
  });
  if (r.chance(0.6)) lines.push(`${r.pick(['allow', 'drop'])} all`);
  return [lines.join(', '), outputs];
}

type Choice = (r: Random) => string | [args: string, outputs: number];

const patterns =
  (from: readonly string[]): Choice =>
  (r) => {
    const n = r.between(1, 5);
    return [list(r, from, n).join(', '), n];
  };
const outputsOnly =
  (low: number, high: number): Choice =>
  (r) => ['', r.between(low, high)];

/** Arguments of the classes that have many ways to work. A string leaves the number of outputs to the class. */
const CHOICES: Record<string, Choice> = {
  AdaptiveRED: () => '20, 0.1, QUEUES some_queue',
  AggregateFirst: () => '',
  Align: (r) => r.pick(['4, 0', '4, 2', '2, 1', '8, 4']),
  AggregateFilter: (r) => [r.pick(['0 0-10, 1 11-20, 1 all', '1 0-3, deny 4, allow all']), 2],
  CheckIPHeader: (r) => `${r.pick(['', 'OFFSET 14, ', 'CHECKSUM false, ', 'DETAILS true, '])}VERBOSE false`,
  CheckIPHeader2: (r) => `${r.pick(['', 'OFFSET 14, ', 'BADSRC 10.0.0.1, '])}VERBOSE false`,
  CheckLength: (r) => String(r.pick([0, 20, 60, 100, 1000])),
  CheckPaint: (r) => String(r.below(4)),
  Classifier: patterns(FRAMES),
  DecIPTTL: (r) => r.pick(['', 'MULTICAST false', 'ACTIVE false']),
  DirectIPLookup: routes,
  EtherEncap: (r) => `${r.pick(['0x0800', '0x86dd'])}, ${r.pick(ETHERS)}, ${r.pick(ETHERS)}`,
  HashSwitch: (r) => [`${r.below(40)}, ${r.between(1, 8)}`, r.between(1, 4)],
  HostEtherFilter: (r) =>
    `${r.pick(ETHERS)}${r.pick(['', ', DROP_OWN true', ', DROP_OTHER false', ', OFFSET 2'])}`,
  ICMPError: (r) =>
    `10.0.0.9, ${r.pick(['unreachable, host', 'timeexceeded', 'parameterproblem, 0', 'redirect, host', 'unreachable, needfrag, MTU 576'])}`,
  IPClassifier: patterns([...IP_RULES, '-']),
  IPEncap: (r) =>
    `${r.pick(['4', 'udp', '50'])}, 10.0.0.8, ${r.pick(['10.0.1.2', 'DST_ANNO'])}${r.pick(['', ', TTL 1', ', TOS 5'])}`,
  IPFilter: rules,
  IPFragmenter: (r) => `${r.pick([68, 100, 576, 1500])}${r.pick(['', ', true', ', HEADROOM 60'])}`,
  IPGWOptions: (r) => r.pick(['10.0.0.1', '10.0.0.1, 10.0.1.2']),
  IPPrint: (r) =>
    r.pick(['a', 'b, CONTENTS HEX, MAXLENGTH 80', 'c, PAYLOAD ASCII', 'd, TTL true, TOS true, LENGTH true']),
  LinearIPLookup: routes,
  MarkIPHeader: (r) => r.pick(['', '14', '4']),
  Pad: (r) => r.pick(['', '100', 'ZERO false']),
  Paint: (r) => String(r.below(4)),
  PaintSwitch: outputsOnly(1, 4),
  PaintTee: (r) => String(r.below(4)),
  Print: (r) => r.pick(['a', 'b, 10', 'c, MAXLENGTH -1', 'd, 0, PRINTANNO true', 'e, CONTENTS ASCII']),
  RadixIPLookup: routes,
  RandomSwitch: outputsOnly(1, 4),
  RangeIPLookup: routes,
  RED: () => '5, 50, 0.02, QUEUES some_queue',
  Resize: (r) => `${r.between(-8, 8)}, ${r.between(-8, 8)}`,
  RoundRobinSwitch: outputsOnly(1, 4),
  SetIPAddress: (r) => r.pick(ADDRESSES),
  SetTCPChecksum: (r) => r.pick(['', 'true']),
  SortedIPLookup: routes,
  StaticIPLookup: routes,
  StaticSwitch: (r) => [r.pick(['0', '1', '-1', '7']), 2],
  StoreData: (r) => `${r.below(70)}, \\<${r.pick(['00', 'ffff', '0800', '45000014'])}>`,
  StoreIPAddress: (r) =>
    `${r.pick([...ADDRESSES.slice(0, 4), ''])}${r.pick([', 26', ', 12', ', src', ', 30'])}`.replace(
      /^, (src|\d+)/,
      '$1',
    ),
  StrideSwitch: (r) => [r.pick(['1, 2', '5, 1', '3, 3']), 2],
  Strip: (r) => String(r.pick([1, 4, 14, 14, 20])),
  Switch: (r) => [r.pick(['0', '1', '-1']), 2],
  Truncate: (r) => String(r.pick([0, 20, 60, 100])),
  Unstrip: (r) => String(r.pick([1, 4, 14, 14, 20])),
};

/** Elements that move packets by themselves, in push paths. */
const OTHERS: Record<string, Choice> = {
  Tee: outputsOnly(1, 4),
  IPRewriter: (r) => [
    r.pick(['pattern 10.0.0.99 1024-65535 - - 0 1', 'pattern - - 10.0.1.9 - 1 0', 'keep 0 1']),
    2,
  ],
  IPReassembler: () => '',
  ICMP6Error: () => '3ffe::1, 3, 0',
  Suppressor: () => ['', 1],
};

const FAVOURITES = [
  'Classifier',
  'IPClassifier',
  'IPFilter',
  'Strip',
  'Unstrip',
  'Paint',
  'PaintSwitch',
  'PaintTee',
  'CheckPaint',
  'CheckIPHeader',
  'MarkIPHeader',
  'DecIPTTL',
  'StaticIPLookup',
  'RadixIPLookup',
  'Counter',
  'RoundRobinSwitch',
  'HashSwitch',
  'EtherEncap',
  'IPEncap',
  'SetTCPChecksum',
  'IPFragmenter',
  'ICMPError',
  'Tee',
  'Tee',
  'IPRewriter',
];

/** The classes that the fuzzer uses: those with an action, and one that batches are gathered for. */
export const ACTIONS = [...classTable()]
  .filter((c) => (c.action || c.name === 'IPRewriter') && !c.aliasOf && !(c.name in LEFT_OUT))
  .map((c) => c.name);

const examples = new Map<string, [string, number]>();

/** Arguments and outputs as in the example of the element's documentation. */
function exampleOf(c: ElementClass): [string, number] {
  const known = examples.get(c.name);
  if (known) return known;
  const text = elementDocumentation(c.file);
  const rest = text.slice(Math.max(0, text.search(/^Examples?:/m)));
  const config = /```[a-z]*\n([\s\S]*?)```/.exec(rest)?.[1] ?? /`([^`]+)`/.exec(rest)?.[1] ?? '';
  const { graph } = compilePlan(config, `${c.name}.click`);
  const e =
    graph.elements.find((x) => x.className === c.name) ?? graph.elements.find((x) => x.class.file === c.file);
  if (!e) throw new Error(`the example of ${c.name} does not use it`);
  const found: [string, number] = [e.args.map((a) => a.text).join(', '), e.outputs.length];
  examples.set(c.name, found);
  return found;
}

/** The outputs that a port code allows, `1/1-2`. */
function outputRange(c: ElementClass): [number, number] {
  const m = /\/(\d+)(-?)(\d*)$/.exec(c.ports);
  if (!m) return [1, 1];
  const low = Number(m[1]);
  return [low, m[2] ? (m[3] ? Number(m[3]) : low + 3) : low];
}

function choose(r: Random, className: string): [args: string, outputs: number] {
  const c = classTable().get(className)!;
  const choice = CHOICES[className] ?? OTHERS[className];
  if (!choice) {
    const [args, outputs] = exampleOf(c);
    const [low, high] = outputRange(c);
    return [args, high === 2 && low === 1 ? r.between(1, 2) : outputs];
  }
  const chosen = choice(r);
  if (typeof chosen !== 'string') return chosen;
  const [low, high] = outputRange(c);
  return [chosen, r.between(low, Math.min(high, 2))];
}

// ---- Graphs

type End = readonly [node: number, port: number];

/** The classes with actions in turn; decks of four seeds in a row begin at different ones, so that all of them occur. */
export class Deck {
  #cards: string[];

  constructor(seed: number) {
    const at = Math.floor(((seed % 4) * ACTIONS.length) / 4);
    const cards = new Random(0).shuffle([...ACTIONS]);
    this.#cards = [...cards.slice(at), ...cards.slice(0, at)];
  }

  next(r: Random, fits: (c: ElementClass) => boolean): string {
    let at = this.#cards.findIndex((name) => fits(classTable().get(name)!));
    if (at < 0) {
      at = this.#cards.length;
      this.#cards.push(...r.shuffle([...ACTIONS]));
      while (!fits(classTable().get(this.#cards[at]!)!)) at++;
    }
    return this.#cards.splice(at, 1)[0]!;
  }
}

const pushes = (c: ElementClass) => !c.processing.startsWith('l');
const pulls = (c: ElementClass) => /^[al]\/(a|l|ah|lh)$/.test(c.processing);

class Builder {
  readonly nodes: GraphNode[] = [];
  readonly edges: GraphEdge[] = [];
  /** Push outputs that lead nowhere yet. */
  open: End[] = [];
  readonly #r: Random;
  readonly #deck: Deck;

  constructor(r: Random, deck: Deck) {
    this.#r = r;
    this.#deck = deck;
  }

  add(className: string, args: string, outputs: number, ...from: (End | undefined)[]): number {
    const id = this.nodes.length;
    this.nodes.push({ id, className, args, outputs });
    for (const [toPort, end] of from.entries())
      if (end) this.edges.push({ from: end[0], fromPort: end[1], to: id, toPort });
    return id;
  }

  take(): End | undefined {
    return this.open.length ? this.open.splice(this.#r.below(this.open.length), 1)[0] : undefined;
  }

  /** Something behind an open push output; now and then a second one leads there, too. */
  step(favourite: boolean, merge: boolean): void {
    const r = this.#r;
    const end = this.take();
    if (!end) return;
    const className = favourite
      ? r.pick([...FAVOURITES, ...Object.keys(OTHERS)])
      : this.#deck.next(r, pushes);
    const [args, outputs] = choose(r, className);
    const id = this.add(className, args, outputs, end);
    if (merge && this.open.length && r.chance(0.3)) {
      const [from, fromPort] = this.take()!;
      this.edges.push({ from, fromPort, to: id, toPort: 0 });
    }
    for (let port = 0; port < outputs; port++) this.open.push([id, port]);
  }

  /** A queue, actions that are pulled through, and what pulls. */
  #pulled(): End | undefined {
    const r = this.#r;
    const end = this.take();
    if (!end) return undefined;
    const queue = r.pick(['Queue', 'SimpleQueue', 'FrontDropQueue', 'ThreadSafeQueue']);
    let at: End = [this.add(queue, String(r.pick([1, 7, 64, 1000])), 1, end), 0];
    for (let n = r.below(4); n > 0; n--) {
      const className = this.#deck.next(r, pulls);
      const [args, outputs] = choose(r, className);
      const id = this.add(className, args, outputs, at);
      for (let port = 1; port < outputs; port++) this.open.push([id, port]);
      at = [id, 0];
    }
    return at;
  }

  pullSection(): void {
    const r = this.#r;
    const ends = [this.#pulled()];
    if (r.chance(0.5)) ends.push(this.#pulled());
    const from = ends.filter((e) => e !== undefined);
    if (!from.length) return;
    const scheduler = r.pick(['RoundRobinSched', 'PrioSched', 'DRRSched']);
    const end: End = from.length > 1 ? [this.add(scheduler, '', 1, ...from), 0] : from[0]!;
    this.open.push([this.add('Unqueue', r.pick(['', '4']), 1, end), 0]);
  }
}

/** Frames arrive at elements as they are, and with the network header set at the right or a wrong place. */
const STARTS: readonly (readonly [string, string])[][] = [
  [],
  [['MarkIPHeader', '14']],
  [
    ['Strip', '14'],
    ['MarkIPHeader', ''],
  ],
  [
    ['Strip', '14'],
    ['CheckIPHeader', 'VERBOSE false'],
  ],
  [
    ['Strip', '14'],
    ['CheckIPHeader', 'CHECKSUM false, VERBOSE false'],
    ['GetIPAddress', '16'],
  ],
];

export const SHAPES = ['tree', 'steady', 'any'] as const;
/**
 * `tree`: one source, pushes only, paths never meet again. `steady`: paths may meet. Neither depends on the clock or on
 * chance. `any`: all there is.
 */
export type Shape = (typeof SHAPES)[number];

export function randomGraph(r: Random, deck: Deck, shape: Shape): Graph {
  const b = new Builder(r, deck);
  b.open.push([b.add('Resize', `-${AROUND.before}, -${AROUND.behind}`, 1, [b.add('FromDump', '', 1), 0]), 0]);
  for (const [className, args] of r.pick(STARTS)) {
    const id = b.add(className, args, 1, b.take());
    b.open.push([id, 0]);
  }
  const size = b.nodes.length + r.between(5, 18);
  while (b.nodes.length < size && b.open.length) {
    if (shape === 'any' && r.chance(0.12)) b.pullSection();
    else b.step(r.chance(0.5), shape !== 'tree');
  }
  return b;
}

/** Whether a graph does the same whatever the size of batches. */
export const isSteady = (g: Graph) =>
  !g.nodes.some((n) => UNSTEADY.test(n.className) || /Queue|Unqueue|Sched$/.test(n.className));

export function isTree(g: Graph): boolean {
  const entered = new Set<number>();
  for (const e of g.edges) {
    if (entered.has(e.to)) return false;
    entered.add(e.to);
  }
  return true;
}

export const nodeName = (k: number, n: GraphNode) => `g${k}_${n.id}`;

/** The configuration of graph `k`: FromDump reads `in<k>.pcap` one folder above, every end has a file. */
export function graphText(g: Graph, k: number): string {
  const names = new Map(g.nodes.map((n) => [n.id, nodeName(k, n)]));
  const used = new Set(g.edges.map((e) => `${e.from}:${e.fromPort}`));
  const all = `g${k}_all`;
  const lines = [`${all} :: ToDump(${all}.pcap, SNAPLEN 0) -> Discard;`];
  for (const n of g.nodes) {
    const args = n.className === 'FromDump' ? `../in${k}.pcap` : n.args;
    lines.push(`${names.get(n.id)} :: ${n.className}(${args});`);
  }
  for (const e of g.edges)
    lines.push(`${names.get(e.from)} [${e.fromPort}] -> [${e.toPort}] ${names.get(e.to)};`);
  for (const n of g.nodes)
    for (let port = 0; port < n.outputs; port++)
      if (!used.has(`${n.id}:${port}`))
        lines.push(
          `${names.get(n.id)} [${port}] -> ToDump(g${k}_${n.id}_${port}.pcap, SNAPLEN 0) -> ${all};`,
        );
  return `${lines.join('\n')}\n`;
}

// ---- Making smaller what fails

/** Smaller graphs to try in place of one, the smallest first. */
export function* smaller(g: Graph): Generator<Graph> {
  const cuts = g.nodes.slice(2).map((n) => without(g, n.id));
  yield* cuts.sort((a, b) => a.nodes.length - b.nodes.length);
  for (const n of g.nodes.slice(2)) {
    const into = g.edges.filter((e) => e.to === n.id);
    const out = g.edges.find((e) => e.from === n.id && e.fromPort === 0);
    const past = out ? into.map((e) => ({ ...e, to: out.to, toPort: out.toPort })) : [];
    yield reachable({
      nodes: g.nodes,
      edges: [...g.edges.filter((e) => e.to !== n.id && e.from !== n.id), ...past],
    });
  }
}

const without = (g: Graph, id: number) =>
  reachable({ nodes: g.nodes, edges: g.edges.filter((e) => e.from !== id && e.to !== id) });

function reachable({ nodes, edges }: Graph): Graph {
  const seen = new Set([0]);
  for (let before = 0; before !== seen.size; ) {
    before = seen.size;
    for (const e of edges) if (seen.has(e.from)) seen.add(e.to);
  }
  return { nodes: nodes.filter((n) => seen.has(n.id)), edges: edges.filter((e) => seen.has(e.from)) };
}
