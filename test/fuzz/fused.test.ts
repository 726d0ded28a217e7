/**
 * The fused engine does what the dynamic one does: random graphs are fed random packets on both, and every packet at
 * every end, their order across all ends, what elements print, their read handlers and the packets they hold must be the
 * same. CLICKLET_FUZZ_SEED and CLICKLET_FUZZ_UNITS (each unit is one compilation of GRAPHS graphs) choose others, or more.
 */

import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileUnit, findCompiler } from '../../src/engine/fuse/compiler.ts';
import { fusedSource } from '../../src/engine/fuse/index.ts';
import { createEngine } from '../../src/engine/native.ts';
import { type Configuration, compilePlan } from '../../src/engine/router.ts';
import { classTable } from '../../src/engine/table.ts';
import {
  ACTIONS,
  Deck,
  type Graph,
  graphText,
  isSteady,
  isTree,
  randomGraph,
  SHAPES,
  smaller,
} from './fused-graphs.ts';
import { pcap, randomPackets, readPcap } from './fused-packets.ts';
import { Random } from './random.ts';
import { engine, SEED, unitCount, workFolder } from './workplace.ts';

const UNITS = unitCount(4);
const GRAPHS = 12;
const PACKETS = 400;
const BATCH = 32;
/** Compilations for making one failure small. */
const ATTEMPTS = 60;

const dir = workFolder('fused');

// ---- Running

interface Result {
  /** What a graph gave, by graph and file or handler. */
  readonly ends: ReadonlyMap<string, string>;
  readonly status: unknown;
  readonly messages: string;
  readonly held: string;
}

/** Handlers whose values are times, rates or addresses in memory. */
const UNSTABLE = /^(rate|byte_rate|bit_rate|\w*time\w*|average|avg_queue_size|stats)$/;

function handlersOf({ graph }: Configuration): string[] {
  return graph.elements.flatMap((e) =>
    (e.class.handlers ?? [])
      .filter((h) => h.read && !h.param && !UNSTABLE.test(h.name))
      .map((h) => `${e.name}.${h.name}`),
  );
}

/** One engine, in a folder of its own. Times in files are left out. */
async function run(cwd: string, c: Configuration, options: string[]): Promise<Result> {
  mkdirSync(cwd);
  const planFile = join(cwd, 'plan');
  writeFileSync(planFile, c.plan);
  const handlers = handlersOf(c).flatMap((h) => ['-h', h]);
  const args = ['--simtime', '--held', ...options, ...handlers, 'plan'];
  const { status, stdout, stderr } = await new Promise<{ status: unknown; stdout: string; stderr: string }>(
    (resolve) =>
      execFile(
        engine,
        args,
        { cwd, encoding: 'latin1', timeout: 60_000, maxBuffer: 1 << 28 },
        (error, out, err) =>
          resolve({ status: error ? (error.code ?? error.signal) : 0, stdout: out, stderr: err }),
      ),
  );
  const ends = new Map<string, string>();
  for (const file of readdirSync(cwd).sort())
    if (file.endsWith('.pcap'))
      ends.set(
        file,
        readPcap(readFileSync(join(cwd, file)))
          .map((p) => p.toString('hex'))
          .join('\n'),
      );
  for (const text of stdout.split(/\n\n(?=\S+:\n)/)) {
    const [, name, value] = /^(\S+):\n([\s\S]*)$/.exec(text) ?? [];
    if (name) ends.set(name, (value ?? '').replace(/\nheld: \d+\n$/, '').trimEnd());
  }
  rmSync(cwd, { recursive: true });
  const held = /^held: \d+$/m.exec(stdout)?.[0] ?? '';
  return { ends, status, messages: stderr, held };
}

// ---- Comparing

interface Unit {
  readonly graphs: ReadonlyMap<number, Graph>;
  readonly packets: ReadonlyMap<number, readonly Buffer[]>;
}

const text = ({ graphs }: Unit) =>
  `${[...graphs].map(([k, g]) => graphText(g, k)).join('\n')}\nIdle -> some_queue :: Queue -> Idle;\nDriverManager(wait 100us, stop);\n`;

const belongsTo = (k: number) => (name: string) => name.startsWith(`g${k}_`);

/** How two results differ in what `counts` says; undefined if they do not. */
function difference(
  what: string,
  a: Result,
  b: Result,
  counts: (name: string) => boolean,
): string | undefined {
  for (const name of [...new Set([...a.ends.keys(), ...b.ends.keys()])].filter(counts)) {
    const [x, y] = [a.ends.get(name) ?? '(nothing)', b.ends.get(name) ?? '(nothing)'].map((s) =>
      s.split('\n'),
    );
    const at = x!.findIndex((line, i) => line !== y![i]);
    const i = at < 0 && x!.length !== y!.length ? x!.length : at;
    if (i >= 0)
      return `${what}: ${name}, line ${i + 1}\n  ${x![i] ?? '(the end)'}\n  ${y![i] ?? '(the end)'}`;
  }
  return undefined;
}

let folders = 0;
/** Packets at the ends so far. */
let arrived = 0;

/** The same configuration with another batch limit; the unit's digest of the plan is the only thing that changes. */
function otherBatch(source: string, from: Configuration, to: Configuration, file: string): string {
  const digest = (c: Configuration) => {
    const e = createEngine();
    const { plan } = JSON.parse(e.fuseFacts(c.plan).text) as { plan: string };
    e.close();
    const b = Buffer.alloc(8);
    b.writeBigUInt64LE(BigInt(plan));
    return b;
  };
  copyFileSync(source, file);
  const bytes = readFileSync(file);
  const at = bytes.indexOf(digest(from));
  if (at < 0) throw new Error('the unit does not hold the digest of its plan');
  digest(to).copy(bytes, at);
  writeFileSync(file, bytes);
  return file;
}

/** Runs a unit on both engines. What differs, or undefined; refusals of the configuration throw. */
async function differs(unit: Unit): Promise<{ text: string; graph: number | undefined } | undefined> {
  const folder = join(dir, String(folders++));
  mkdirSync(folder);
  try {
    for (const [k, packets] of unit.packets) writeFileSync(join(folder, `in${k}.pcap`), pcap(packets));
    const single = compilePlan(text(unit), 'fuzz.click', { batch: 1 });
    const batched = compilePlan(text(unit), 'fuzz.click', { batch: BATCH });
    const dynamic = await run(join(folder, 'dynamic'), single, []);
    // A handler may refuse to be read, which is no failure of the run.
    if (!dynamic.held)
      throw new Error(`the dynamic engine ends with ${dynamic.status}: ${dynamic.messages.slice(-2000)}`);
    for (const k of unit.graphs.keys()) arrived += dynamic.ends.get(`g${k}_all.pcap`)!.split('\n').length;
    const { file } = await compileUnit(fusedSource(single).text);
    const file32 = otherBatch(file, single, batched, join(folder, 'unit.so'));
    const fused = await run(join(folder, 'fused'), single, ['--fused', file]);
    if (!fused.held)
      return {
        text: `the fused engine ends with ${fused.status}: ${fused.messages.slice(-2000)}`,
        graph: undefined,
      };
    for (const k of unit.graphs.keys()) {
      const d = difference('dynamic, fused', dynamic, fused, belongsTo(k));
      if (d) return { text: d, graph: k };
    }
    if (dynamic.messages !== fused.messages)
      return {
        text: `messages:\n${dynamic.messages.slice(-2000)}\n--\n${fused.messages.slice(-2000)}`,
        graph: undefined,
      };
    if (dynamic.held !== fused.held)
      return { text: `packets: dynamic ${dynamic.held}, fused ${fused.held}`, graph: undefined };
    const dynamic32 = await run(join(folder, 'dynamic32'), batched, []);
    const fused32 = await run(join(folder, 'fused32'), batched, ['--fused', file32]);
    for (const r of [dynamic32, fused32])
      if (!r.held)
        return { text: `with batches: ends with ${r.status}: ${r.messages.slice(-2000)}`, graph: undefined };
    for (const [k, g] of unit.graphs) {
      if (!isSteady(g)) continue;
      const mine = belongsTo(k);
      const d =
        difference(`dynamic, fused with batches of ${BATCH}`, dynamic, fused32, mine) ??
        (isTree(g)
          ? difference(
              `dynamic, the same with batches of ${BATCH}`,
              dynamic,
              dynamic32,
              (n) => mine(n) && n !== `g${k}_all.pcap`,
            )
          : undefined);
      if (d) return { text: d, graph: k };
    }
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// ---- Making a failure small

const only = (unit: Unit, k: number): Unit => ({
  graphs: new Map([[k, unit.graphs.get(k)!]]),
  packets: new Map([[k, unit.packets.get(k)!]]),
});

async function minimise(unit: Unit, k: number): Promise<string> {
  let best = only(unit, k);
  let why = await differs(best);
  if (!why) return `only together:\n${text(unit)}`;
  let attempts = ATTEMPTS;
  const better = async (next: Unit): Promise<boolean> => {
    if (attempts-- <= 0) return false;
    const d = await differs(next).catch(() => undefined);
    if (!d) return false;
    best = next;
    why = d;
    return true;
  };
  for (let again = true; again && attempts > 0; ) {
    again = false;
    for (const g of smaller(best.graphs.get(k)!)) {
      if (!(await better({ ...best, graphs: new Map([[k, g]]) }))) continue;
      again = true;
      break;
    }
  }
  // No compilation is needed for fewer packets.
  attempts = 4 * ATTEMPTS;
  for (
    let size = Math.ceil(best.packets.get(k)!.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  )
    for (let at = 0; at < best.packets.get(k)!.length; ) {
      const fewer = best.packets.get(k)!.filter((_, i) => i < at || i >= at + size);
      if (!(await better({ ...best, packets: new Map([[k, fewer]]) }))) at += size;
    }
  const packets = best.packets.get(k)!;
  const hex = packets.slice(0, 40).map((p) => `  ${p.toString('hex') || '(empty)'}`);
  return `${why.text}\n${text(best)}in${k}.pcap, ${packets.length} packets:\n${hex.join('\n')}`;
}

async function explain(unit: Unit, found: { text: string; graph: number | undefined }): Promise<string> {
  if (found.graph !== undefined) return minimise(unit, found.graph);
  for (const k of unit.graphs.keys()) if (await differs(only(unit, k))) return minimise(unit, k);
  return `${found.text}\nonly together:\n${text(unit)}`;
}

// ---- Units

function randomUnit(seed: number): Unit {
  const deck = new Deck(seed);
  const graphs = new Map<number, Graph>();
  const packets = new Map<number, readonly Buffer[]>();
  for (let k = 0; k < GRAPHS; k++) {
    const r = new Random(seed * 1000 + k);
    graphs.set(k, randomGraph(r, deck, SHAPES[k % SHAPES.length]!));
    packets.set(k, randomPackets(r, PACKETS));
  }
  return { graphs, packets };
}

const why = !findCompiler() ? 'no C compiler' : !existsSync(engine) ? 'the engine is not built' : undefined;
if (why) console.log(`${why}: the fused engine is not compared with the dynamic one`);

describe.skipIf(why)('random graphs, dynamic and fused', () => {
  const units = Array.from({ length: UNITS }, (_, i) => [SEED + i, randomUnit(SEED + i)] as const);

  it('every class with an action occurs', () => {
    const used = new Set(
      units.flatMap(([, u]) => [...u.graphs.values()].flatMap((g) => g.nodes.map((n) => n.className))),
    );
    expect(ACTIONS.filter((name) => !used.has(name))).toEqual([]);
    expect(ACTIONS.length).toBeGreaterThan([...classTable()].filter((c) => c.action).length / 2);
  });

  for (const [seed, unit] of units)
    it.concurrent(`seed ${seed}`, async () => {
      const before = arrived;
      const found = await differs(unit);
      if (found) expect.fail(`CLICKLET_FUZZ_SEED=${seed}: ${await explain(unit, found)}`);
      expect(arrived - before, 'packets at the ends').toBeGreaterThan(PACKETS);
    }, 600_000);
});
