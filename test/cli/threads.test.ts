import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packagePath } from '../../src/engine/paths.ts';

const run = (program: string, ...args: string[]) => {
  const r = spawnSync(process.execPath, [packagePath('bin', `${program}.js`), ...args], { encoding: 'utf8' });
  return { status: r.status, out: r.stdout, err: r.stderr };
};
const PIPE =
  's :: InfiniteSource(LIMIT 900, STOP true) -> q :: Queue(1000) -> u :: Unqueue -> c :: Counter -> Discard;';
const WAIT = 'DriverManager(pause, wait 0.1s);';

describe('--threads', () => {
  it('run deals out what click leaves on thread 0, unless StaticThreadSched says otherwise', () => {
    const handlers = ['--handler', 'u.home_thread', '--handler', 'c.count'];
    expect(run('clicklet', 'run', '--threads', '2', '-e', PIPE + WAIT, ...handlers).out).toBe(
      'u.home_thread:\n1\n\nc.count:\n900\n\n',
    );
    const click = ['-h', 'u.home_thread', '-h', 'c.count'];
    expect(run('click', '-j', '2', '-e', PIPE + WAIT, ...click).out).toBe(
      'u.home_thread:\n0\n\nc.count:\n900\n\n',
    );
    expect(run('click', '-j', '2', '-e', `${PIPE + WAIT}StaticThreadSched(u 1);`, ...click).out).toBe(
      'u.home_thread:\n1\n\nc.count:\n900\n\n',
    );
  });

  it('check says who has what and where packets change threads', () => {
    const r = run(
      'clicklet',
      'check',
      '--threads',
      '2',
      '--json',
      join('configs', 'examples', 'two-threads.click'),
    );
    expect(r.status).toBe(0);
    const { threads } = JSON.parse(r.out);
    const of = (name: string) => threads.elements.find((e: { name: string }) => e.name === name).threads;
    expect([of('l'), of('la'), of('r'), of('ra'), of('rt')]).toEqual([[0], [0], [1], [1], [0, 1]]);
    expect(threads.crossings.map((c: { to: string }) => c.to)).toEqual(['la', 'la', 'ra', 'ra']);
  });

  it('fuse explains what leaves a thread', () => {
    const r = run(
      'clicklet',
      'fuse',
      '--threads',
      '2',
      '--thread',
      '1',
      '--json',
      join('configs', 'examples', 'two-threads.click'),
    );
    const { thread, edges } = JSON.parse(r.out);
    expect(thread).toBe(1);
    expect(edges.find((e: { from: string; to: string }) => e.from === 'lttl' && e.to === 'la')).toMatchObject(
      {
        kind: 'indirect',
        why: 'it leads to another thread',
      },
    );
  });

  it.each([
    [['run', '--threads', '0', '-e', PIPE], "'--threads' expects 1 to 16 threads, not '0'"],
    [['run', '--threads', '17', '-e', PIPE], "'--threads' expects 1 to 16 threads, not '17'"],
    [['run', '--threads', '2', '--simtime', '-e', PIPE], 'simulated time needs a single thread'],
    [['fuse', '--threads', '2', '--thread', '2', '-e', PIPE], "'--thread' expects 0 to 1, not '2'"],
  ])('%j is refused', (args, why) => {
    const r = run('clicklet', ...args);
    expect(r.err).toContain(why);
    expect(r.status).toBe(2);
  });
});
