/** The life of a virtual router by the commands that handle it. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clicklet } from '../system/hosts.ts';

const kvm = spawnSync('test', ['-w', '/dev/kvm']).status === 0;
if (!kvm) console.log('life of a virtual router: skipped: /dev/kvm is not usable');

describe.skipIf(!kvm)('a virtual router', () => {
  let dir: string;
  const run = (...args: string[]) => {
    const r = spawnSync(process.execPath, [clicklet, ...args], {
      cwd: dir,
      encoding: 'utf8',
      timeout: 30_000,
      env: { ...process.env, NO_COLOR: '1', CLICKLET_STATE: join(dir, 'state') },
    });
    return { status: r.status, stdout: r.stdout, stderr: r.stderr };
  };
  const json = (...args: string[]) => JSON.parse(run(...args, '--json').stdout);

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'clicklet-vm-'));
    writeFileSync(
      join(dir, 'one.click'),
      'define($RATE 100);\nsrc :: RatedSource(RATE $RATE) -> c :: Counter -> q :: Queue(50) -> Idle;\nScript(print "hello from one");\n',
    );
    writeFileSync(
      join(dir, 'two.click'),
      'RatedSource(RATE 1000) -> c :: Counter -> d :: Counter -> Discard;\n',
    );
    writeFileSync(join(dir, 'bad.click'), 'Idle -> c :: Counter -> Queue(many) -> Discard;\n');
  });
  afterAll(() => {
    run('rm', '-f', 'r1', 'r2', 'r3', 'r4');
    rmSync(dir, { recursive: true, force: true });
  });

  it('boots, detached, and says how', () => {
    const booted = json('boot', 'one.click', 'RATE=200', '--name', 'r1', '--vmm', 'kvm', '-d');
    expect(booted).toMatchObject({ version: 1, name: 'r1', vmm: 'kvm', memory: { guestBytes: 5 << 20 } });
    const { monitor, kernel, configure, total } = booted.bootMs;
    expect(kernel).toBeGreaterThanOrEqual(monitor);
    expect(configure).toBeGreaterThanOrEqual(kernel);
    expect(total).toBe(configure);
  });

  it('refuses a name that is taken', () => {
    expect(run('boot', 'two.click', '--name', 'r1', '-d')).toMatchObject({ status: 1, stdout: '' });
  });

  it('is listed', () => {
    expect(json('ps')).toMatchObject([
      { name: 'r1', state: 'running', vmm: 'kvm', config: 'one.click', ports: [] },
    ]);
    expect(run('ps').stdout).toMatch(/^NAME +STATE[^\n]*\nr1 +running /);
  });

  it('has handlers to read and write', () => {
    expect(run('handler', 'r1', 'src.rate').stdout).toBe('200\n');
    expect(run('handler', 'r1', 'src.rate', '300').status).toBe(0);
    expect(json('handler', 'r1', 'src.rate')).toMatchObject({ version: 1, value: '300' });
    const none = run('handler', 'r1', 'c.nonsense');
    expect(none.status).toBe(1);
    expect(none.stderr).toContain("'c.nonsense'");
  });

  it('has a log', () => {
    expect(run('logs', 'r1').stdout).toContain('hello from one');
  });

  it('takes another configuration and keeps its counters; refuses a bad one', () => {
    const bad = run('swap', 'r1', 'bad.click');
    expect(bad.status).toBe(1);
    expect(bad.stderr).toMatch(/^bad\.click:1:31: error: /);
    const before = Number(run('handler', 'r1', 'c.count').stdout);
    expect(run('swap', 'r1', 'two.click').status).toBe(0);
    expect(Number(run('handler', 'r1', 'c.count').stdout)).toBeGreaterThanOrEqual(before);
    expect(Number(run('handler', 'r1', 'd.count').stdout)).toBeGreaterThan(0);
  });

  it('pauses and goes on', () => {
    expect(run('pause', 'r1').status).toBe(0);
    expect(run('resume', 'r1').status).toBe(0);
    expect(json('stats', 'r1').guest.memoryBytes).toBe(5 << 20);
  });

  it('has a console for pipes', () => {
    const r = run('console', 'r1');
    expect(r).toMatchObject({ status: 0, stdout: 'Click::ControlSocket/1.3\r\n' });
    const talk = spawnSync(process.execPath, [clicklet, 'console', 'r1'], {
      encoding: 'utf8',
      input: 'read d.nonsense\r\ncheckread c.count\nread version\nquit\n',
      env: { ...process.env, CLICKLET_STATE: join(dir, 'state') },
    });
    expect(talk.stdout).toMatch(
      /^Click::ControlSocket\/1\.3\r\n511 No handler named 'd\.nonsense'\r\n200 Read handler 'c\.count' OK\r\n200 Read handler 'version' OK\r\nDATA (\d+)\r\n[^\r]*200 Goodbye!\r\n$/,
    );
    expect(talk.status).toBe(1);
  });

  it('is parked, woken, written to a file, restored and cloned, and all of it is told', () => {
    writeFileSync(join(dir, 'idle.click'), 'Idle -> c :: Counter -> Discard;\n');
    expect(json('swap', 'r1', 'idle.click')).toMatchObject({ version: 1, name: 'r1', event: 'swapped' });
    expect(json('park', 'r1')).toMatchObject({ name: 'r1', event: 'parked' });
    expect(json('ps')).toMatchObject([{ name: 'r1', state: 'parked' }]);
    expect(json('wake', 'r1')).toMatchObject({ name: 'r1', event: 'woken' });
    expect(json('ps')).toMatchObject([{ name: 'r1', state: 'running' }]);
    const written = json('snapshot', 'r1', 'r1.snapshot');
    expect(written).toMatchObject({ version: 1, name: 'r1', file: 'r1.snapshot' });
    expect(statSync(join(dir, 'r1.snapshot')).size).toBe(written.bytes);
    expect(run('restore', 'r1.snapshot', '-d').stderr).toContain("'r1' exists already");
    expect(json('restore', 'r1.snapshot', '--name', 'r3', '-d')).toMatchObject({ name: 'r3', vmm: 'kvm' });
    expect(json('clone', 'r3', 'r4', '-d')).toMatchObject({ name: 'r4' });
    const count = run('handler', 'r4', 'c.count').stdout;
    expect(Number(count)).toBeGreaterThan(0);
    expect(count).toBe(run('handler', 'r1', 'c.count').stdout);
    run('rm', '-f', 'r3', 'r4');
    const told = (name: string) =>
      run('events', name, '--json')
        .stdout.trim()
        .split('\n')
        .map((l) => JSON.parse(l).event);
    expect(told('r4')).toEqual(['restored', 'started', 'stopped', 'removed']);
    expect(told('r1').slice(-4)).toEqual(['swapped', 'parked', 'woken', 'snapshot']);
    expect(run('events').stdout).toMatch(/^\S+Z r4 removed$/m);
    expect(run('restore', 'one.click', '-d')).toMatchObject({ status: 1, stdout: '' });
  }, 240_000);

  it('stops, is still listed, and is removed with all its files', () => {
    expect(run('rm', 'r1').status).toBe(1); // it runs
    expect(run('stop', 'r1').status).toBe(0);
    expect(json('ps')).toMatchObject([{ name: 'r1', state: 'exited' }]);
    expect(run('rm', 'r1').status).toBe(0);
    expect(readdirSync(join(dir, 'state'))).toEqual(['.events']);
    expect(run('handler', 'r1', 'c.count')).toMatchObject({ status: 1 });
  });

  it('leaves nothing behind when its monitor is killed', () => {
    json('boot', 'two.click', '--name', 'r2', '-d');
    process.kill(json('ps')[0].pid, 'SIGKILL');
    for (let i = 0; i < 50 && json('ps')[0].state !== 'exited'; i++);
    expect(json('ps')[0].state).toBe('exited');
    expect(run('rm', 'r2').status).toBe(0);
    expect(existsSync(join(dir, 'state', 'r2'))).toBe(false);
  });
});
