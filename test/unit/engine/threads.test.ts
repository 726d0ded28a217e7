import { describe, expect, it } from 'vitest';
import { compilePlan } from '../../../src/engine/router.ts';

const MARK = ['-', '0', '1', '01'];

/** Which of two threads has each element: `0`, `1` or both. */
function threads(text: string, spread = true): Record<string, string> {
  const { graph, threads: plan } = compilePlan(text, 't.click', { threads: 2, spread });
  return Object.fromEntries(graph.elements.map((e, i) => [e.name, MARK[plan!.masks[i]!]!]));
}
const crossings = (text: string) => {
  const { graph, threads: plan } = compilePlan(text, 't.click', { threads: 2 });
  return plan!.crossings.map((c) => `${graph.elements[c.from]!.name} ${graph.elements[c.to]!.name}`);
};

describe('engine threads', () => {
  it('sources are dealt out, and what only counts is on every thread that packets reach it from', () => {
    const text = 's :: RatedSource -> a :: Counter -> c :: Counter -> d :: Discard; t :: RatedSource -> c;';
    expect(threads(text)).toEqual({ s: '0', a: '0', c: '01', d: '01', t: '1' });
    expect(crossings(text)).toEqual([]);
  });

  it('a pull path stays on one thread, and packets are handed over in front of its queue', () => {
    const text =
      's :: RatedSource -> a :: Counter -> q :: Queue -> b :: Counter -> u :: Unqueue -> d :: Discard;';
    expect(threads(text)).toEqual({ s: '0', a: '0', q: '1', b: '1', u: '1', d: '1' });
    expect(crossings(text)).toEqual(['a q']);
  });

  it('StaticThreadSched pins elements and compounds', () => {
    const text = `s :: RatedSource -> x :: { input -> q :: Queue -> u :: Unqueue -> output } -> d :: Discard;
      StaticThreadSched(s 1, x 0);`;
    expect(threads(text)).toMatchObject({ s: '1', 'x/q': '0', 'x/u': '0', d: '0' });
  });

  it('without spread only StaticThreadSched and BalancedThreadSched move anything', () => {
    const text = 's :: RatedSource -> q :: Queue -> u :: Unqueue -> d :: Discard;';
    expect(threads(text, false)).toEqual({ s: '0', q: '0', u: '0', d: '0' });
    expect(threads(`${text} b :: BalancedThreadSched;`, false)).toMatchObject({ s: '0', q: '1' });
    expect(threads(`${text} StaticThreadSched(u 1);`, false)).toMatchObject({ s: '0', q: '1', u: '1' });
  });

  it('elements of one pull path cannot be pinned apart', () => {
    const text = 's :: RatedSource -> q :: Queue -> u :: Unqueue -> Discard;\nStaticThreadSched(q 0, u 1);';
    expect(() => threads(text)).toThrow(
      "t.click:2:1: error: 'u' cannot run on thread 1: 'q', which is pinned to thread 0, must be on the same thread",
    );
  });

  it('parts that nothing connects stay whole where there are enough of them', () => {
    const text = `a :: RatedSource -> q :: Queue; b :: RatedSource -> q; q -> u :: Unqueue -> Discard;
      c :: RatedSource -> r :: Queue -> v :: Unqueue -> Discard;`;
    expect(threads(text)).toMatchObject({ a: '0', b: '0', q: '0', u: '0', c: '1', r: '1', v: '1' });
  });

  it('Idle takes no turn', () => {
    const text = 'Idle -> c :: Counter -> d :: Discard; s :: RatedSource -> c; t :: RatedSource -> c;';
    expect(threads(text)).toMatchObject({ s: '0', t: '1', c: '01' });
  });

  it('both ends of a device are on one thread', () => {
    const text = `a :: FromDevice(eth0) -> q :: Queue -> o :: ToDevice(eth1);
      b :: FromDevice(eth1) -> r :: Queue -> p :: ToDevice(eth0);`;
    expect(threads(text)).toEqual({ a: '0', r: '0', p: '0', b: '1', q: '1', o: '1' });
  });

  it('what keeps state is on one thread: where its packets come from, or go to if they come from several', () => {
    const source = (x: string) => `${x} :: RatedSource -> m;`;
    const text = `m :: AverageCounter -> n :: Counter -> Queue -> u :: Unqueue -> Discard;`;
    expect(threads(`${text} ${source('s')}`)).toMatchObject({ s: '0', m: '0', n: '0', u: '1' });
    expect(threads(`${text} ${source('s')} ${source('t')} StaticThreadSched(u 1);`)).toMatchObject({
      s: '0',
      t: '1',
      m: '1',
      n: '1',
    });
  });

  it('elements that use others are on their thread, and words that are no elements do not matter', () => {
    expect(
      threads(`table :: ARPTable; s :: RatedSource -> arp :: ARPQuerier(1.0.0.1, 2:2:2:2:2:2, TABLE table) -> Discard; Idle -> [1] arp;
        t :: RatedSource -> brp :: ARPQuerier(1.0.0.1, 2:2:2:2:2:2, TABLE table) -> Discard; Idle -> [1] brp;`),
    ).toMatchObject({ table: '0', arp: '0', brp: '0', s: '0', t: '1' });
    expect(
      threads(
        `redirect :: RatedSource -> Queue -> u :: Unqueue -> e :: ICMPError(1.0.0.1, redirect, host) -> Discard;`,
      ),
    ).toMatchObject({ redirect: '0', u: '1', e: '1' });
  });

  it('an element that looks at queues is on their thread', () => {
    const text =
      's :: RatedSource -> r :: RED(5, 50, 0.02) -> c :: Counter -> q :: Queue -> u :: Unqueue -> Discard;';
    expect(threads(text)).toMatchObject({ s: '0', r: '1', c: '1', q: '1', u: '1' });
  });

  it('a counter that calls a handler at a count is one', () => {
    const text = `c :: Counter(COUNT_CALL 10 stop) -> Discard; s :: RatedSource -> c; t :: RatedSource -> c;`;
    expect(threads(text)).toMatchObject({ c: '0', s: '0', t: '1' });
  });

  it('names and schedules are on all threads, scripts on the first', () => {
    const text = `i :: AddressInfo(a 1.0.0.1); script :: Script(print s.count); s :: RatedSource -> Discard;`;
    expect(threads(text)).toMatchObject({ i: '01', script: '0' });
  });
});
