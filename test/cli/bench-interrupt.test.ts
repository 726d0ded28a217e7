/** Interrupts while `clicklet bench` and `clicklet pktgen` are at work: they end, say so, and leave nothing behind. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { guestImage, kvmProblem } from '../../src/vm/vmm.ts';
import { clicklet, hasProgram } from '../system/hosts.ts';

const noVm = kvmProblem() ?? (existsSync(guestImage) ? undefined : 'the guest is not built');
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'clicklet-interrupt-'));
  writeFileSync(
    join(dir, 'wire.click'),
    'FromDevice(0) -> Queue -> ToDevice(1); FromDevice(1) -> Queue -> ToDevice(0);\n',
  );
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let temporary: string;
let state: string;
beforeEach(() => {
  temporary = mkdtempSync(join(dir, 'tmp'));
  state = mkdtempSync(join(dir, 'state'));
});
const children: ChildProcess[] = [];
/** What a test that failed has left. */
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
const start = (command: string, args: string[]) => {
  const child = spawn(command, args, { cwd: dir, env: environment() });
  children.push(child);
  return child;
};
const environment = () => ({ ...process.env, TMPDIR: temporary, CLICKLET_STATE: state, TERM: 'xterm' });
/** Temporary folders and virtual routers; the journal of events stays. */
const left = () => [...readdirSync(temporary), ...readdirSync(state).filter((f) => f !== '.events')];

/** Runs, and is sent the signals one after the other once it has said `at`. */
async function interrupted(args: string[], at: string | RegExp, signals: NodeJS.Signals[] = ['SIGINT']) {
  const child = start(process.execPath, [clicklet, ...args]);
  let [stdout, stderr, sent] = ['', '', false];
  const look = () => {
    if (sent || !(stdout + stderr).match(at)) return;
    sent = true;
    for (const s of signals) child.kill(s);
  };
  child.stdout.on('data', (d) => {
    stdout += d;
    look();
  });
  child.stderr.on('data', (d) => {
    stderr += d;
    look();
  });
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  expect(sent, stderr).toBe(true);
  return { status, stdout, stderr };
}

const bench = (...more: string[]) => ['bench', 'wire.click', '--duration', '60', ...more];

describe('an interrupt', { timeout: 60_000 }, () => {
  it.each([
    ["the generator's own limit", 'process'],
    ['starting the router', 'process'],
    ['warming up', 'process'],
    ['waiting for a device to connect', 'vhost-user:a.sock,b.sock'],
  ])('while %s', async (step, dut) => {
    const r = await interrupted(bench('--dut', dut), step);
    expect(r.status).toBe(130);
    // It may have come to its first trial before the signal came.
    expect(r.stderr).toMatch(
      /stopped by SIGINT(, without a result|: what follows is what there was until then)\n$/,
    );
    if (step.startsWith('waiting')) expect(r.stdout).toBe('');
    expect([...left(), ...readdirSync(dir).filter((f) => f.endsWith('.sock'))]).toEqual([]);
  });

  it('in simulated time ends the trial that runs', async () => {
    const r = await interrupted(bench('--dut', 'simulated', '--max-load', '1M'), 'searching');
    expect([r.status, r.stdout]).toEqual([130, '']);
  });

  it('in a trial: the counts until then are the result', async () => {
    const args = bench('--dut', 'process', '--rate', '1000', '--csv', 'out.csv');
    const r = await interrupted(args, 'at the given rate');
    expect(r.status).toBe(130);
    expect(r.stdout).toContain('interrupted before the end');
    expect(readFileSync(join(dir, 'out.csv'), 'utf8')).toMatch(/\ntrial,64,1000,/);
  });

  it('in a search: what was measured before it is the result', async () => {
    const args = ['bench', 'wire.click', '--duration', '0.1', '--dut', 'process', '--size', '64,128'];
    const r = await interrupted(args, 'searching', ['SIGTERM', 'SIGTERM']);
    expect(r.status).toBe(143);
    expect(r.stderr).toMatch(/stopped by SIGTERM: what follows is what there was until then\n$/);
    expect(r.stdout).toContain('interrupted before the end');
    expect(r.stdout).toMatch(/^ +64 +max /m);
    expect(r.stdout).not.toMatch(/NDR|^ *128/m);
  });

  it.skipIf(noVm)('takes the virtual router along', async () => {
    for (const step of ['booting the router', 'warming up', 'as fast as']) {
      const r = await interrupted(bench('--dut', 'vm'), step);
      expect(r.status, r.stderr).toBe(130);
      expect(left(), step).toEqual([]);
    }
  });

  it.skipIf(noVm ?? !hasProgram('script'))('on a terminal, where all processes get it', async () => {
    const command = [
      'timeout',
      '--foreground',
      '60',
      process.execPath,
      clicklet,
      ...bench('--dut', 'vm'),
    ].join(' ');
    // What is typed there: Ctrl-C. Killing `script` would not end what it runs.
    const child = start('script', ['-qec', command, '/dev/null']);
    let [said, typed] = ['', false];
    child.stdout.on('data', (d) => {
      said += d;
      if (typed || !/sent .* received/.test(said)) return;
      typed = true;
      child.stdin.write('\x03');
    });
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect(status).toBe(130);
    expect(said).toContain('stopped by SIGINT: what follows');
    expect(said).toContain('interrupted before the end');
    expect(left()).toEqual([]);
  });
});

describe('what fails', () => {
  it.skipIf(noVm)('before the router starts leaves nothing either', () => {
    const r = spawnSync(process.execPath, [clicklet, ...bench('--dut', 'vm', '--size', '9000')], {
      cwd: dir,
      encoding: 'utf8',
      env: environment(),
    });
    expect([r.status, left()]).toEqual([1, []]);
  });
});
