/** The guest image under the KVM monitor and under QEMU: starts, answers, refuses, stops, and is not to be attacked from. */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Channel } from '../../src/control/channel.ts';
import { packagePath } from '../../src/engine/paths.ts';
import { compilePlan } from '../../src/engine/router.ts';
import { image, monitor, whyNoGuest } from './kvm.ts';

const dir = mkdtempSync(join(tmpdir(), 'clicklet-guest-'));
afterAll(() => rmSync(dir, { recursive: true }));

let plans = 0;
function planFile(config: string, edit = (plan: Uint8Array) => plan): string {
  const file = join(dir, `${plans++}.plan`);
  writeFileSync(file, edit(compilePlan(config, 'test.click', { target: 'guest' }).plan));
  return file;
}

type Event = Record<string, unknown> & { event: string };

/** Runs a guest to its end. */
function run(plan: string, ...more: string[]): { status: number | null; stderr: string; events: Event[] } {
  const r = spawnSync(monitor, ['--image', image, '--plan', plan, '--events', '3', ...more], {
    encoding: 'utf8',
    timeout: 20_000,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const events = (r.output[3] ?? '').split('\n').filter(Boolean);
  return { status: r.status, stderr: r.stderr, events: events.map((line) => JSON.parse(line) as Event) };
}

const STOPS = 'InfiniteSource(LIMIT 5, STOP true) -> Counter -> Discard;';
const RUNS = 'InfiniteSource(LIMIT 5, STOP false) -> c :: Counter -> Discard;';

const noKvm = whyNoGuest();
if (noKvm) console.warn(`guest tests under KVM are skipped: ${noKvm}`);

describe.skipIf(noKvm)('under the KVM monitor', () => {
  test('a router that stops itself ends its guest, and the boot phases are reported', () => {
    const r = run(planFile(STOPS));
    expect(r.status).toBe(0);
    expect(r.events.map((e) => e.event)).toEqual(['started', 'ready', 'exit']);
    const phases = r.events[1]?.bootMs as { monitor: number; kernel: number; configure: number };
    expect(phases.monitor).toBeLessThan(phases.kernel);
    expect(phases.kernel).toBeLessThan(phases.configure);
  });

  test('3 MB are enough for a small router; less is refused before anything starts', () => {
    expect(run(planFile(STOPS), '--mem', '3M').status).toBe(0);
    expect(run(planFile(STOPS), '--mem', '2M').status).toBe(1);
  });

  test('too little memory says how much would do, and that much does', () => {
    const plan = planFile('InfiniteSource(LIMIT 5, STOP true) -> Queue(2000000) -> Unqueue -> Discard;');
    const r = run(plan);
    expect(r.status).toBe(1);
    const [, enough] = /too little memory: .* try (\d+)/.exec(r.stderr) ?? [];
    expect(enough).toBeDefined();
    expect(run(plan, '--mem', enough as string).status).toBe(0);
  });

  test('a refused plan names element and message', () => {
    const spoil = (plan: Uint8Array) =>
      Uint8Array.from(
        Buffer.from(Buffer.from(plan).toString('latin1').replaceAll('Counter', 'Cuonter'), 'latin1'),
      );
    const r = run(planFile(RUNS, spoil));
    expect(r.status).toBe(1);
    const refused = r.events.find((e) => e.event === 'refused') as { errors: unknown[] } | undefined;
    expect(refused?.errors).toEqual([
      { warning: false, element: 1, arg: -1, message: expect.stringContaining("'Cuonter'") },
    ]);
  });

  test.each([
    [['--port', 'tap:clk-no-such'], 3, 'no interface clk-no-such'],
    [['--port', 'pigeon:x'], 2, 'a port is'],
    [['--mem', 'lots'], 2, 'not a number'],
  ])('%j ends with status %i', (args, status, message) => {
    const r = run(planFile(STOPS), ...args);
    expect(r.status).toBe(status);
    expect(r.stderr).toContain(message);
  });

  test('handlers, a swap, a refused swap, pause and stop over the control channel', async () => {
    const socket = join(dir, 'control');
    const child = spawn(monitor, ['--image', image, '--plan', planFile(RUNS), '--control', socket], {
      stdio: 'ignore',
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    const channel = await Channel.connect(socket, 5000);
    expect(await channel.read('c.count')).toBe('5');
    await expect(channel.read('nobody.count')).rejects.toThrow('nobody');
    await expect(channel.install(Buffer.from('not a plan'))).rejects.toThrow();
    expect(await channel.read('c.count')).toBe('5');
    await channel.install(compilePlan('i :: Idle -> d :: Discard;', 'swap.click', { target: 'guest' }).plan);
    expect((await channel.read('list')).split('\n')[0]).toBe('2');
    await channel.stop();
    expect(await exited).toBe(0);
    channel.close();
    expect(existsSync(socket)).toBe(false);
  });

  test.each(['STOP', 'SIGTERM'])('%s: all that is printed at the end arrives', async (how) => {
    const lines = Array.from({ length: 200 }, (_, i) => `print "line ${i} ${'x'.repeat(100)}"`);
    const plan = planFile(
      `Idle -> Discard; DriverManager(pause, ${lines.join(', ')}, wait 1000, print "end");`,
    );
    const socket = join(dir, `words-${how}`);
    const child = spawn(monitor, ['--image', image, '--plan', plan, '--control', socket], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let said = '';
    child.stdout.on('data', (data) => {
      said += data;
    });
    const closed = new Promise((resolve) => child.once('close', resolve));
    const channel = await Channel.connect(socket, 5000);
    await channel.boot();
    if (how === 'STOP') await channel.stop();
    else child.kill('SIGTERM');
    expect(await closed).toBe(0);
    channel.close();
    expect(said.split('\n').length).toBe(202);
    expect(said).toMatch(/^line 0 .*\nend\n$/s);
  });

  test('SIGTERM stops a guest cleanly', async () => {
    const child = spawn(monitor, ['--image', image, '--plan', planFile(RUNS), '--events', '3'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.stdio[3]?.on('data', (data) => String(data).includes('"ready"') && child.kill('SIGTERM'));
    expect(await exited).toBe(0);
  });

  test('a guest that attacks its monitor gets nowhere', () => {
    const r = spawnSync(packagePath('test', 'guest', 'hostile.sh'), [monitor, '25'], { encoding: 'utf8' });
    expect(r.stdout).toMatch(/SUCCESS|SKIPPED/);
  });
});

test('the drivers hold against hostile devices', () => {
  const program = join(dir, 'driver-fuzz');
  const flags = [
    '-g',
    '-O1',
    '-fsanitize=address,undefined',
    '-fno-sanitize-recover',
    `-I${packagePath('native', 'include')}`,
  ];
  const cc = spawnSync('cc', [...flags, packagePath('test', 'guest', 'driver_fuzz.c'), '-o', program], {
    encoding: 'utf8',
  });
  if (cc.error) return console.warn('the fuzz test of the drivers is skipped: there is no C compiler');
  expect(cc.stderr).toBe('');
  expect(spawnSync(program, ['20000'], { encoding: 'utf8' }).stdout).toContain('SUCCESS');
});

const noQemu = spawnSync('qemu-system-x86_64', ['--version']).error
  ? 'qemu-system-x86_64 is not installed'
  : undefined;
if (noQemu) console.warn(`guest tests under QEMU are skipped: ${noQemu}`);

describe.skipIf(noQemu || !existsSync(image))('under QEMU without KVM', () => {
  test('the same image runs', () => {
    const plan = planFile('InfiniteSource(LIMIT 2, STOP true, DATA "ab") -> Print(hello) -> Discard;');
    const args =
      '-M microvm,acpi=off,pit=off,pic=off -accel tcg -cpu max -m 8M -nodefaults -no-user-config -nographic -no-reboot';
    const r = spawnSync(
      'qemu-system-x86_64',
      [
        ...args.split(' '),
        '-serial',
        'stdio',
        '-device',
        'isa-debug-exit,iobase=0xf4',
        '-kernel',
        image,
        '-initrd',
        plan,
      ],
      { encoding: 'utf8', timeout: 50_000 },
    );
    expect(r.stdout).toContain('hello:    2 | 6162');
    expect(r.status).toBe(1);
  });
});
