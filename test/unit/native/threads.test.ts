import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findCompiler } from '../../../src/engine/fuse/compiler.ts';
import { fuseRouter } from '../../../src/engine/fuse/index.ts';
import { compilePlan, Router } from '../../../src/engine/router.ts';

const dir = mkdtempSync(join(tmpdir(), 'clicklet-threads-'));
afterAll(() => rmSync(dir, { recursive: true }));
process.env.XDG_CACHE_HOME = join(dir, 'cache');

const compile = (text: string, threads = 2) => compilePlan(text, 't.click', { threads });
const start = (text: string, threads = 2) => Router.create(compile(text, threads));
const engines = findCompiler() ? ['dynamic', 'fused'] : ['dynamic'];

/** Runs until the router stops; the values of handlers. */
async function run(text: string, handlers: string[], { threads = 2, engine = 'dynamic' } = {}) {
  const router = await start(text, threads);
  if (engine === 'fused') await fuseRouter(router);
  await router.run();
  const values = [];
  for (const h of handlers) values.push(await router.read(h));
  router.close();
  return values;
}

describe.each(engines)('engine threads, %s', (engine) => {
  const runIt = (text: string, handlers: string[], threads = 2) => run(text, handlers, { threads, engine });

  it('copies of an element count together', async () => {
    const text = `s :: InfiniteSource(LIMIT 50000, STOP true) -> c :: Counter -> d :: Discard;
      t :: InfiniteSource(LIMIT 70000, STOP true) -> c; DriverManager(pause, pause);`;
    expect(
      await runIt(text, ['c.count', 'd.count', 's.home_thread', 't.home_thread', 'c.byte_count']),
    ).toEqual(['120000', '120000', '0', '1', String(120000 * 69)]);
  });

  it('packets cross in order, none lost and none twice, however small what they wait in is', async () => {
    const text = `s :: PktgenSource(LIMIT 300000, STOP true, SIZE 64) -> a :: AverageCounter
      -> b :: AverageCounter -> p :: PktgenSink; StaticThreadSched(a 1, b 2, p 1);`;
    const [sent, received, lost, reordered, duplicates] = await runIt(
      text,
      ['s.count', 'p.count', 'p.lost', 'p.reordered', 'p.duplicates'],
      3,
    );
    expect([sent, received, lost, reordered, duplicates]).toEqual(['300000', '300000', '0', '0', '0']);
  });

  it('threads that send to each other do not wait for each other', async () => {
    const text = `s :: InfiniteSource(LIMIT 300000, STOP true) -> x :: AverageCounter -> Discard;
      t :: InfiniteSource(LIMIT 300000, STOP true) -> y :: AverageCounter -> Discard;
      StaticThreadSched(s 0, x 1, t 1, y 0); DriverManager(pause, pause);`;
    expect(await runIt(text, ['x.count', 'y.count'])).toEqual(['300000', '300000']);
  });

  it('a source waits for room in the queue of another thread', async () => {
    const text = `s :: InfiniteSource(LIMIT 200000, STOP true) -> c :: Counter -> q :: Queue(10)
      -> u :: Unqueue -> k :: Counter -> Discard; DriverManager(pause, wait 0.2s);`;
    const [drops, length, k, thread] = await runIt(text, ['q.drops', 'q.length', 'k.count', 'u.home_thread']);
    expect([drops, length, k, thread]).toEqual(['0', '0', '200000', '1']);
  });

  it('a packet keeps its annotations, its headers and what was stripped from it', async () => {
    const file = (n: number) => join(dir, `${engine}${n}.pcap`);
    const text = (n: number) => `
      s :: InfiniteSource(DATA \\<000000000001 000000000002 0800 45000014 00000000 40117ce7 01020304 05060708>, LIMIT 40, STOP true)
        -> Paint(7) -> Strip(14) -> CheckIPHeader(CHECKSUM false) -> GetIPAddress(16) -> Strip(4)
        -> a :: AverageCounter
        -> k :: CheckPaint(7) -> Unstrip(4) -> ttl :: DecIPTTL -> StoreIPAddress(12) -> Unstrip(14) -> ToDump(${file(n)});
      k[1] -> Discard; StaticThreadSched(s 0, a ${n - 1});`;
    await runIt(text(1), [], 1);
    await runIt(text(2), []);
    const packets = (n: number) => {
      const b = readFileSync(file(n));
      return Array.from({ length: (b.length - 24) / 50 }, (_, i) =>
        b.toString('hex', 24 + 50 * i + 16, 24 + 50 * i + 50),
      );
    };
    expect(packets(1)).toHaveLength(40);
    expect(packets(2)).toEqual(packets(1));
  });

  it('a clone that another thread gets is its own', async () => {
    const file = join(dir, `${engine}-clone.pcap`);
    const text = `s :: InfiniteSource(DATA \\<00000000>, LIMIT 3000, STOP true) -> t :: Tee
      -> a :: AverageCounter -> StoreData(0, \\<11>) -> ToDump(${file}, SNAPLEN 0);
      t[1] -> StoreData(0, \\<22>) -> Classifier(0/22) -> c :: Counter -> Discard; StaticThreadSched(s 0, a 1);`;
    expect(await runIt(text, ['c.count', 'a.count'])).toEqual(['3000', '3000']);
    const bytes = readFileSync(file);
    const first = new Set(
      Array.from({ length: 3000 }, (_, i) => bytes.toString('hex', 24 + 20 * i + 16, 24 + 20 * (i + 1))),
    );
    expect([...first]).toEqual(['11000000']);
  });
});

describe('handlers across engine threads', () => {
  const TEXT = `s :: InfiniteSource(LIMIT 1000, STOP true) -> p :: Paint(1) -> c :: Counter -> d :: Discard;
    t :: InfiniteSource(LIMIT 1000, STOP true) -> p;
    q :: Idle -> r :: Queue(10) -> u :: Unqueue -> Discard; StaticThreadSched(u 1);`;

  it('a script reads and writes what other threads have', async () => {
    const text = `${TEXT} Script(TYPE DRIVER, pause, pause, write p.color 9, write r.capacity $(c.count), write c.reset, stop);`;
    expect(await run(text, ['p.color', 'r.capacity', 'c.count', 'd.count', 'u.home_thread'])).toEqual([
      '9',
      '2000',
      '0',
      '2000',
      '1',
    ]);
  });

  it('a value is written to each copy', async () => {
    const router = await start(TEXT);
    await router.write('p.color', '5');
    expect(await router.read('p.color')).toBe('5');
    await router.write('r.capacity', '25');
    expect(await router.read('r.capacity')).toBe('25');
    await expect(router.write('p.color', '999')).rejects.toThrow('999');
    await expect(router.read('nobody.count')).rejects.toThrow("no element named 'nobody'");
    router.close();
  });

  it('they are read while the threads run', async () => {
    const router = await start(`s :: InfiniteSource -> c :: Counter -> Discard; t :: InfiniteSource -> c;`);
    const done = router.run();
    let last = 0;
    for (let i = 0; i < 50; i++) {
      const n = Number(await router.read('c.count'));
      expect(n).toBeGreaterThanOrEqual(last);
      last = n;
    }
    await router.write('s.active', 'false');
    await router.write('t.active', 'false');
    await router.write('c.reset');
    expect(await router.read('c.count')).toBe('0');
    router.stop();
    await done;
    router.close();
  });
});

describe('configurations on engine threads', () => {
  it('mistakes are said once, however many threads have the element', async () => {
    const text =
      's :: InfiniteSource -> c :: Paint(x) -> Discard; t :: InfiniteSource -> c; Idle -> q :: Queue(y) -> Unqueue -> Discard;';
    const error = await start(text).then(
      () => '',
      (e: Error) => e.message,
    );
    expect(error.match(/error: /g)).toHaveLength(2);
    expect(error).toContain("'c :: Paint'");
    expect(error).toContain("'q :: Queue'");
  });

  it('a swap while packets cross loses none, and state goes over even to another thread', async () => {
    const text = (where: string) => `s :: InfiniteSource(BURST 32) -> c :: Counter -> q :: Queue(1000)
      -> u :: Unqueue(BURST 32) -> k :: Counter -> Discard; ${where}`;
    const here = 'StaticThreadSched(s 0, u 1);';
    const there = 'StaticThreadSched(s 1, u 0);';
    const router = await start(text(here));
    const done = router.run();
    for (let i = 0; i < 6; i++) {
      await new Promise((r) => setTimeout(r, 5));
      await router.swap(compile(text(i % 2 ? here : there)));
      expect(await router.read('s.home_thread')).toBe(i % 2 ? '0' : '1');
    }
    await expect(router.swap(compile(text('Idle -> x :: Paint(300) -> Discard;')))).rejects.toThrow('300');
    router.stop();
    await done;
    const read = async (h: string) => Number(await router.read(h));
    expect(await read('k.count')).toBeGreaterThan(10_000);
    expect((await read('k.count')) + (await read('q.drops')) + (await read('q.length'))).toBe(
      await read('c.count'),
    );
    router.close();
  });
});
