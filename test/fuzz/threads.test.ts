/**
 * Several engine threads do what one does: random graphs in which paths never meet are fed random packets on one thread
 * and on three, with their elements pinned at random, on both engines; every packet at every end must be the same, in the
 * same order. CLICKLET_FUZZ_SEED and CLICKLET_FUZZ_UNITS choose others, or more.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileUnit, findCompiler } from '../../src/engine/fuse/compiler.ts';
import { fusedSource } from '../../src/engine/fuse/index.ts';
import { type Configuration, compilePlan } from '../../src/engine/router.ts';
import {
  Deck,
  type Graph,
  type GraphNode,
  graphText,
  isSteady,
  isTree,
  nodeName,
  randomGraph,
} from './fused-graphs.ts';
import { pcap, randomPackets, readPcap } from './fused-packets.ts';
import { Random } from './random.ts';
import { engine, SEED, unitCount, workFolder } from './workplace.ts';

const UNITS = unitCount(3);
const GRAPHS = 8;
const PACKETS = 400;
const THREADS = 3;

const dir = workFolder('threads');

/** The packets at every end, by file. What an end of all ends got depends on the threads' order. */
function run(
  cwd: string,
  { plan, threads }: Configuration,
  units: readonly string[] = [],
): Map<string, string[]> {
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'plan'), plan);
  const options = ['--threads', String(threads?.count ?? 1), ...units.flatMap((u) => ['--fused', u])];
  const r = spawnSync(engine, [...options, 'plan'], { cwd, encoding: 'latin1', timeout: 60_000 });
  expect(r.status, r.stderr).toBe(0);
  const files = readdirSync(cwd).filter((f) => f.endsWith('.pcap') && !f.includes('_all'));
  return new Map(
    files.sort().map((f) => [f, readPcap(readFileSync(join(cwd, f))).map((p) => p.toString('hex'))]),
  );
}

/** Fails at the first packet that differs, and names the graph. */
function same(one: Map<string, string[]>, several: Map<string, string[]>, { graph }: Configuration): void {
  for (const [file, packets] of one) {
    const other = several.get(file) ?? [];
    const i = packets.findIndex((p, k) => p !== other[k]);
    if (i < 0 && packets.length === other.length) continue;
    const at = i < 0 ? packets.length : i;
    const of = file.slice(0, file.indexOf('_') + 1);
    const elements = graph.elements
      .filter((e) => e.name.startsWith(of))
      .map((e) => `${e.name} :: ${e.className}`);
    expect.fail(
      `${file}: ${packets.length} and ${other.length} packets, number ${at + 1}:\n${packets[at]}\n${other[at]}\n${elements.join('\n')}`,
    );
  }
}

/** Every source stops the router; the last stop is the end, and what is under way then still arrives. */
const graphsText = (graphs: readonly Graph[]) =>
  `${graphs.map((g, k) => graphText(g, k).replace(`../in${k}.pcap`, `../in${k}.pcap, STOP true`)).join('\n')}
DriverManager(${graphs.map(() => 'pause').join(', ')}, stop);\n`;

/**
 * What it does depends on what all graphs did before (numbers and chance that elements share) or on bytes that are no
 * part of a packet, which clones leave behind when they change threads.
 */
const dependsOnOthers = ({ className, id }: GraphNode) =>
  /^(ICMPError|IP6Fragmenter)$/.test(className) || (/^(Resize|Unstrip)$/.test(className) && id > 1);

/** A StaticThreadSched for some of the elements. */
function pins(r: Random, graphs: readonly Graph[]): string {
  const some = graphs.flatMap((g, k) => g.nodes.filter(() => r.chance(0.4)).map((n) => nodeName(k, n)));
  return `StaticThreadSched(${some.map((name) => `${name} ${r.below(THREADS)}`).join(', ')});\n`;
}

const why = existsSync(engine) ? undefined : 'the engine is not built';
if (why) console.log(`${why}: threads are not compared`);
else if (!findCompiler()) console.log('no C compiler: threads are compared on the dynamic engine only');

describe.skipIf(why)('random graphs, one and several threads', () => {
  for (let seed = SEED; seed < SEED + UNITS; seed++)
    it(`seed ${seed}`, async () => {
      const r = new Random(seed * 1000 + 7);
      const deck = new Deck(seed);
      const graphs: Graph[] = [];
      while (graphs.length < GRAPHS) {
        const g = randomGraph(r, deck, 'tree');
        if (isTree(g) && isSteady(g) && !g.nodes.some(dependsOnOthers)) graphs.push(g);
      }
      const folder = join(dir, String(seed));
      mkdirSync(folder);
      for (let k = 0; k < GRAPHS; k++)
        writeFileSync(join(folder, `in${k}.pcap`), pcap(randomPackets(r, PACKETS)));
      const text = graphsText(graphs);
      const one = run(join(folder, 'one'), compilePlan(text, 'fuzz.click', { batch: 1 }));
      expect([...one.values()].flat().length).toBeGreaterThan(PACKETS / 2);
      const several = compilePlan(text + pins(r, graphs), 'fuzz.click', { batch: 1, threads: THREADS });
      expect(several.threads!.crossings.length).toBeGreaterThan(GRAPHS);
      same(one, run(join(folder, 'several'), several), several);
      if (seed !== SEED || !findCompiler()) return; // one unit for each thread takes a while
      const units: string[] = [];
      for (let t = 0; t < THREADS; t++) units.push((await compileUnit(fusedSource(several, t).text)).file);
      same(one, run(join(folder, 'fused'), several, units), several);
    }, 300_000);
});
