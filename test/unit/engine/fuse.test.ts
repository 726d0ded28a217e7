import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileUnit, findCompiler } from '../../../src/engine/fuse/compiler.ts';
import { explainEdges, fusedSource, fuseRouter } from '../../../src/engine/fuse/index.ts';
import { type Configuration, compilePlan, Router } from '../../../src/engine/router.ts';

const ROUTER = `s :: InfiniteSource(DATA \\<45000014 00000000 40000000 0a000001 0a000002>, LIMIT 100, STOP true)
  -> k :: Classifier(0/45, -) -> ttl :: DecIPTTL -> c :: Counter -> q :: Queue(200) -> p :: Paint(3) -> u :: Unqueue -> Discard;
k[1] -> d :: Discard; ttl[1] -> d;`;

let cache: string;
beforeAll(() => {
  cache = mkdtempSync(join(tmpdir(), 'clicklet-fuse-'));
  process.env.XDG_CACHE_HOME = cache;
});
afterAll(() => rmSync(cache, { recursive: true }));

describe('fused source', () => {
  const configuration = compilePlan(ROUTER, 'r.click');
  const source = fusedSource(configuration);

  it('names elements and where they are declared, and folds what is configured', () => {
    expect(source.text).toContain('/* r.click:2 ttl :: DecIPTTL */');
    expect(source.text).toMatch(/load32\(d \+ 0\) & 0xffu\) == 0x45u/);
    expect(source.text).toContain('FUSED_ASSUME(g->ttl.multicast == 0x1);');
  });

  it('tells of every connection how packets travel along it, and why', () => {
    const lines = explainEdges(configuration, source).map(
      (e) => `${e.from}[${e.fromPort}] ${e.to} ${e.kind}`,
    );
    expect(lines.sort()).toEqual([
      'c[0] q call',
      'k[0] ttl inlined',
      'k[1] d call',
      'p[0] u call',
      'q[0] p call',
      's[0] k call',
      'ttl[0] c inlined',
      'ttl[1] d inlined',
      'u[0] Discard@8 indirect',
    ]);
  });

  it('a device that is pushed to gets a batch at a time, so that it is told once of all', () => {
    const wire = compilePlan('FromDevice(0) -> c :: Counter -> t :: ToDevice(0);', 'r.click');
    const edges = explainEdges(wire, fusedSource(wire));
    expect(edges.find((e) => e.to === 't')).toMatchObject({
      kind: 'call',
      why: 'a batch at a time: ToDevice works on a batch',
    });
  });

  it('names the elements that leave rare packets to the dynamic engine', () => {
    expect(source.rare.map((i) => configuration.graph.elements[i]!.name)).toEqual(['k', 'ttl', 'c']);
  });

  it('gathers a batch again for an element that wants one', () => {
    const nat = compilePlan(
      `Idle -> MarkIPHeader -> Paint(1) -> r :: IPRewriter(pattern 1.0.0.1 1024-65535 - - 0 1, drop) -> Discard;
       Idle -> [1] r; r[1] -> Discard; InfiniteSource -> Strip(1) -> [0] r;`,
      'nat.click',
    );
    const text = fusedSource(nat).text;
    expect(text).toMatch(/gathered again for r \*\//);
    expect(text).toContain('if (kept) element_class_IPRewriter.push((Element *)&g->r, 0, batch, kept);');
  });

  it('gathers a batch again for a routing table that is too large to be code, not for a small one', () => {
    const text = (routes: number) => {
      const table = Array.from({ length: routes }, (_, i) => `10.${i >> 8}.${i & 255}.0/24 0`).join(', ');
      const config = `InfiniteSource -> CheckIPHeader -> r :: RadixIPLookup(${table}) -> Discard;`;
      return fusedSource(compilePlan(config, 'routes.click')).text;
    };
    expect(text(2000)).toContain('gathered again for r */');
    expect(text(20)).not.toContain('gathered again');
  });

  it('compares with every value once, however often the configuration does', () => {
    const filter = `IPFilter(0 (ip vers 4 and ip hl > 5) && (src net 10.0.0.0/16 or dst port 1024), 0 icmp,
      allow tcp opt syn, 0 (src net 10.0.0.0/16 or dst port 1024) && (tcp opt ack && !(src port 22)), drop all)`;
    const config = `InfiniteSource -> MarkIPHeader -> ${filter} -> Discard;`;
    const { text } = fusedSource(compilePlan(config, 'filter.click'));
    const switches = [...text.matchAll(/switch \(\(load32[\s\S]*?\n {2}\}/g)].map((m) =>
      [...m[0].matchAll(/case (\w+):/g)].map((c) => c[1]),
    );
    expect(switches.length).toBeGreaterThan(0);
    for (const values of switches) expect(new Set(values).size).toBe(values.length);
  });

  it('is the same text for the same configuration', () => {
    expect(fusedSource(compilePlan(ROUTER, 'r.click')).text).toBe(source.text);
  });
});

describe.skipIf(!findCompiler())('fused router', () => {
  it('does what the dynamic engine does, with all state where it was', async () => {
    const router = await Router.create(compilePlan(ROUTER, 'r.click'));
    expect(await fuseRouter(router)).toBe(true);
    await router.run();
    expect(await router.read('c.count')).toBe('100');
    expect(await router.read('d.count')).toBe('0');
    await router.unfuse();
    await router.write('s.reset');
    router.close();
  });

  it('goes back to the dynamic engine when what was compiled in is reconfigured', async () => {
    const router = await Router.create(compilePlan(ROUTER, 'r.click'));
    await fuseRouter(router);
    await router.write('k.config', '0/46, -');
    await router.run();
    expect(await router.read('c.count')).toBe('0');
    expect(await router.read('d.count')).toBe('100');
    await expect(fuseRouter(router)).rejects.toThrow('reconfigured since');
    router.close();
  });

  it('compiles nothing where there is nothing to fuse', async () => {
    const before = readdirSync(join(cache, 'clicklet', 'fused')).length;
    const router = await Router.create(
      compilePlan('InfiniteSource(LIMIT 7, STOP true) -> Queue -> Unqueue -> d :: Discard;', 'q.click'),
    );
    expect(await fuseRouter(router)).toBe(true);
    expect(readdirSync(join(cache, 'clicklet', 'fused')).length).toBe(before);
    router.close();
  });

  it('keeps one unit in memory, however often the configuration is replaced', async () => {
    const other = ROUTER.replace('Paint(3)', 'Paint(4)');
    const units: { configuration: Configuration; file: string }[] = [];
    for (const text of [ROUTER, other]) {
      const configuration = compilePlan(text, 'r.click');
      units.push({ configuration, file: (await compileUnit(fusedSource(configuration).text)).file });
    }
    const mapped = () =>
      new Set(readFileSync('/proc/self/maps', 'utf8').match(/\S+swapped-\d+\.so/g) ?? []).size;
    const router = await Router.create(units[0]!.configuration);
    const most: number[] = [];
    for (let i = 0; i < 200; i++) {
      const { configuration, file } = units[i % 2]!;
      const copy = join(cache, `swapped-${i}.so`);
      copyFileSync(file, copy);
      await router.swap(configuration);
      await router.fuse(copy);
      most.push(mapped());
      if (i % 10 === 0) await expect(router.fuse(units[1 - (i % 2)]!.file)).rejects.toThrow('another');
    }
    expect(Math.max(...most)).toBe(1);
    await router.run();
    expect(await router.read('c.count')).toBe('100');
    router.close();
    expect(mapped()).toBe(0);
  });

  it('refuses a unit that was made for another configuration', async () => {
    const one = await Router.create(compilePlan('Idle -> a :: Counter -> Discard;', 'a.click'));
    const { file } = await compileUnit(
      fusedSource(compilePlan('Idle -> b :: Counter -> Discard;', 'b.click')).text,
    );
    await expect(one.fuse(file)).rejects.toThrow('another configuration');
    one.close();
  });
});
