import { cpus } from 'node:os';
import { describe, expect, it } from 'vitest';
import {
  boundThread,
  busiestThread,
  heldUpS,
  hostWatch,
  type ThreadTimes,
  threadTimes,
} from '../../../src/pktgen/host-watch.ts';

const at = (x: Partial<ThreadTimes>): ThreadTimes => ({
  atMs: 0,
  runMs: 0,
  waitMs: 0,
  sleeps: 0,
  stealMs: 0,
  ...x,
});

describe('how long a thread was held up', () => {
  it('is all the time that it did not run, if it never sleeps', () => {
    expect(heldUpS(at({}), at({ atMs: 1000, runMs: 970, waitMs: 10 }))).toBeCloseTo(0.03);
    expect(heldUpS(at({}), at({ atMs: 1000, runMs: 1000.1 }))).toBe(0);
  });

  it('is the time that it waited or that was stolen, if it sleeps', () => {
    const asleep = at({ atMs: 1000, runMs: 100, waitMs: 5, sleeps: 21, stealMs: 10 });
    expect(heldUpS(at({}), asleep)).toBeCloseTo(0.015);
    expect(heldUpS(at({}), { ...asleep, sleeps: 20 })).toBeCloseTo(0.9);
  });
});

describe('threads', () => {
  it('are known by the CPU that they are bound to', () => {
    expect(boundThread('self', null)).toBeUndefined();
    expect(boundThread('self', 4000)).toBeUndefined();
    expect(boundThread(0x7fffffff, 0)).toBeUndefined();
  });

  it('of a process that somebody else started are known by their work', async () => {
    expect(busiestThread(0x7fffffff)).toBeUndefined();
    const own = busiestThread(process.pid)!;
    expect(own.folder).toMatch(new RegExp(`^/proc/${process.pid}/task/\\d+$`));
    expect(threadTimes(own)!.runMs).toBeGreaterThan(0);
    expect(own.cpu).toBeLessThan(cpus().length);
  });

  it('that are not found are not known to be held up', () => {
    const ended = { folder: '/proc/self/task/0', cpu: 0 };
    expect(
      hostWatch(
        () => undefined,
        () => ended,
      ).begin()(),
    ).toEqual({ generator: null, router: null });
  });

  it('that are there are timed', () => {
    const own = { folder: `/proc/self/task/${process.pid}`, cpu: 0 };
    const held = hostWatch(
      () => own,
      () => own,
    ).begin()();
    expect(held.generator).toBeGreaterThanOrEqual(0);
    expect(held.router).toBeLessThan(60);
  });
});
