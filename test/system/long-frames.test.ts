/** Frames of up to 9,216 bytes through virtual routers: byte for byte, none lost, none twice; held, saved and parked. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { compilePlan, Router } from '../../src/engine/router.ts';
import { bootVm, cloneVm, restoreVm, type Vm } from '../../src/vm/boot.ts';
import { readPcap } from './frames.ts';
import { hasProgram, namespaceProblem, root, TwoHosts } from './hosts.ts';

const kvm = spawnSync('test', ['-w', '/dev/kvm']).status === 0;
const noTap = namespaceProblem();
const qemu = hasProgram('qemu-system-x86_64');
if (!kvm) console.log('long frames: skipped: /dev/kvm is not usable');
else if (noTap) console.log(`long frames through TAP devices: skipped: ${noTap}`);
if (!qemu) console.log('long frames under QEMU: skipped: QEMU is not installed');

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const ip = (...args: string[]) => {
  const run = spawnSync('ip', args, { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`ip ${args.join(' ')}: ${run.stderr}`);
};

/** Ethernet frame sizes, without check sequence; at 1728 a receive buffer of the guest is full. */
const SIZES = [60, 1496, 1728, 1729, 2044, 3996, 8996, 9212];

/** A frame that is like no other. */
function frame(size: number, serial: number): Buffer {
  const b = Buffer.from(Array.from({ length: size }, (_, i) => (serial * 31 + i * 7 + (i >> 8)) & 255));
  b.write('02000000000202000000000188b5', 'hex');
  return b;
}

/** Whether both lists have the same frames in the same order; where not, how many bytes each has. */
function same(got: readonly Buffer[], sent: readonly Buffer[]): void {
  expect(got.map((f) => f.length)).toEqual(sent.map((f) => f.length));
  expect(got.map((f, i) => f.equals(sent[i]!))).toEqual(sent.map(() => true));
}

const WIRE = 'FromDevice(0, SNAPLEN 9216) -> c :: Counter -> ToDevice(1); FromDevice(1) -> Discard;';
const HOLD = `FromDevice(0, SNAPLEN 9216) -> c :: Counter -> q :: Queue(1000) -> u :: Unqueue(ACTIVE false) -> ToDevice(1);
  FromDevice(1) -> Discard;`;

let dir: string;
let vms: Vm[] = [];
let ends: (() => Promise<void>)[] = [];
let serial = 0;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'clicklet-long-'));
  process.env.CLICKLET_STATE = join(dir, 'state');
  process.env.CLICKLET_PARK_DIR = dir;
});
afterEach(async () => {
  for (const vm of vms) await vm.stop().catch(() => undefined);
  for (const end of ends) await end();
  vms = [];
  ends = [];
  rmSync(join(dir, 'state'), { recursive: true, force: true });
});
afterAll(() => {
  delete process.env.CLICKLET_STATE;
  delete process.env.CLICKLET_PARK_DIR;
  rmSync(dir, { recursive: true, force: true });
});

const keep = <T extends Vm>(vm: T): T => {
  vms.push(vm);
  return vm;
};
const boot = async (text: string, ports: string[], more: object = {}) =>
  keep(
    await bootVm({
      name: `long${serial++}`,
      configuration: compilePlan(text, 'test.click', { target: 'guest' }),
      file: 'test.click',
      vmm: 'kvm',
      ports,
      ...more,
    }),
  );

/** The other ends of a router's two ports: sends `frames` into port 0, records what leaves port 1. */
async function tester(kind: 'tap' | 'vhost-user', frames: readonly Buffer[], mtu = 9216) {
  const id = `${process.pid % 100000}${serial++}`;
  const ports = [0, 1].map((n) => (kind === 'tap' ? `tap:lf${id}${n}` : `vhost-user:${dir}/${id}.${n}`));
  const names = ports.map((p) => p.slice('tap:'.length));
  const file = join(dir, `${id}.pcap`);
  if (kind === 'tap')
    for (const name of names) {
      ip('tuntap', 'add', 'dev', name, 'mode', 'tap');
      quiet(name);
      ip('link', 'set', name, 'mtu', String(mtu));
    }
  ends.push(async () => {
    if (kind === 'tap') for (const name of names) spawnSync('ip', ['link', 'del', name]);
  });
  let router: Router | undefined;
  let running: Promise<unknown> | undefined;
  const sources = frames.map(
    (f, i) => `f${i} :: InfiniteSource(DATA \\<${f.toString('hex')}>, LIMIT 1, ACTIVE false) -> q;`,
  );
  /** With TAP devices once the router under test has opened them. */
  const start = async () => {
    if (kind === 'tap') for (const name of names) ip('link', 'set', name, 'up');
    const [a, b] = kind === 'tap' ? names : ports;
    router = await Router.create(
      `Idle -> q :: Queue(1000) -> ToDevice("${a}"); ${kind === 'tap' ? '' : `FromDevice("${a}") -> Discard; Idle -> ToDevice("${b}");`}
       FromDevice("${b}", SNAPLEN 65535) -> k :: Classifier(12/88b5, -) -> ToDump("${file}", SNAPLEN 0, UNBUFFERED true);
       k[1] -> Discard; ${sources.join('\n')}`,
      {},
    );
    running = router.run();
    const end = router;
    ends.unshift(async () => {
      end.stop();
      await running;
      end.close();
    });
  };
  if (kind !== 'tap') await start();
  const got = () => (existsSync(file) ? readPcap(readFileSync(file)) : []);
  return {
    ports,
    start,
    /** Sends frames `from` to `to`. */
    send: async (from = 0, to = frames.length) => {
      for (let i = from; i < to; i++) await router!.write(`f${i}.active`, 'true');
    },
    /** What has come when `n` frames have, or after ten seconds; waits for one too many. */
    received: async (n: number): Promise<Buffer[]> => {
      for (let i = 0; i < 1000 && got().length < n; i++) await sleep(10);
      await sleep(50);
      return got();
    },
  };
}

/** The host's own frames must not come between. */
function quiet(name: string): void {
  spawnSync('sysctl', ['-q', '-w', `net.ipv6.conf.${name}.disable_ipv6=1`]);
}

const ways = [
  ['vhost-user', 'kvm', !kvm],
  ['tap', 'kvm', !kvm || noTap !== undefined],
  ['vhost-user', 'qemu', !qemu],
  ['tap', 'qemu', !qemu || noTap !== undefined],
] as const;

for (const [kind, vmm, skip] of ways)
  it.skipIf(skip)(`all sizes pass through ${kind} ports under ${vmm}`, async () => {
    const frames = [...SIZES, ...[...SIZES].reverse()].map(frame);
    const t = await tester(kind, frames);
    const vm = await boot(WIRE, t.ports, { vmm });
    if (kind === 'tap') await t.start();
    await t.send();
    same(await t.received(frames.length), frames);
    expect(await vm.read('c.count')).toBe(String(frames.length));
    const bytes = frames.reduce((n, f) => n + f.length, 0);
    const [from, to] = (await vm.stats()).ports as [object, object];
    expect(from).toMatchObject({ rxPackets: frames.length, rxBytes: bytes, rxDropped: 0 });
    expect(to).toMatchObject({ txPackets: frames.length, txBytes: bytes, txDropped: 0 });
  });

it.skipIf(!kvm || noTap)(
  'hosts with an MTU of 9,000 talk through an IP router of that MTU, and hear of a smaller one',
  async () => {
    const file = join(root, 'configs', 'middleboxes', 'ip-router.click');
    const text = readFileSync(file, 'utf8');
    for (const mtu of [9000, 8000]) {
      const hosts = new TwoHosts('j');
      ends.push(async () => hosts.remove());
      const ports = hosts.hosts.map((h) => `tap:${h.tap}`);
      const vm = await boot(text, ports, {
        configuration: compilePlan(text, file, { target: 'guest', variables: { MTU: String(mtu) } }),
      });
      hosts.attach();
      for (const h of hosts.hosts) ip('-n', h.namespace, 'link', 'set', h.tap, 'mtu', '9000');
      const ping = (bytes: number) =>
        hosts.run(0, ['ping', '-M', 'do', '-s', String(bytes), '-c', '3', '-i', '0.1', '-W', '3', '10.0.1.2'])
          .output;
      expect(ping(mtu - 28)).toContain('3 received');
      if (mtu < 9000) expect(ping(mtu - 27)).toContain(`Frag needed and DF set (mtu = ${mtu})`);
      expect(await vm.read('c0.count')).not.toBe('0');
      await vm.stop();
      hosts.remove();
    }
  },
);

describe.skipIf(!kvm)('long frames that wait', () => {
  const twenty = Array.from({ length: 20 }, (_, i) => frame(i % 2 ? 8996 : 9212, i));
  const length = (vm: Vm, n: number) =>
    expect.poll(() => vm.read('q.length'), { timeout: 10_000 }).toBe(String(n));

  it('in a queue are in a snapshot and in a clone', async () => {
    const t = await tester('vhost-user', twenty);
    const other = await tester('vhost-user', []);
    const vm = await boot(HOLD, t.ports);
    await t.send();
    await length(vm, 20);
    const file = join(dir, 'queue.snapshot');
    await vm.snapshot(file);
    const clone = keep(await cloneVm(vm.name, { name: 'clone', ports: other.ports }));
    await clone.write('u.active', 'true');
    same(await other.received(20), twenty);
    await vm.stop();
    const again = keep(await restoreVm(file, { name: 'again' }));
    await again.write('u.active', 'true');
    same(await t.received(20), twenty);
  });

  it('outlive parking, and wake a parked router', async () => {
    const t = await tester('vhost-user', twenty);
    const vm = await boot(HOLD, t.ports);
    await t.send(0, 10);
    await length(vm, 10);
    await vm.park();
    expect(await vm.monitorStats()).toMatchObject({ state: 'parked' });
    await t.send(10);
    await expect.poll(async () => (await vm.monitorStats())!.state, { timeout: 10_000 }).toBe('running');
    await length(vm, 20);
    await vm.write('u.active', 'true');
    same(await t.received(20), twenty);
  });

  it.skipIf(noTap)('for a paused router on a TAP device, one half given, are not lost', async () => {
    const t = await tester('tap', twenty);
    const vm = await boot(WIRE, t.ports);
    await t.start();
    await vm.pause();
    await t.send(0, 5); // two find room in sixteen buffers, the monitor holds one, the interface the rest
    await expect
      .poll(async () => JSON.stringify(await vm.monitorStats()), { timeout: 10_000 })
      .toContain('"rxPackets":2');
    const file = join(dir, 'held.snapshot');
    await vm.snapshot(file);
    await vm.resume();
    same(await t.received(5), twenty.slice(0, 5));
    await vm.stop();
    const again = keep(await restoreVm(file, { name: 'again' }));
    await again.resume();
    same((await t.received(8)).slice(5), twenty.slice(0, 3));
  });

  it.skipIf(noTap)('that are too long for a port are counted and nothing else', async () => {
    const frames = [frame(60, 1), frame(9281, 2), frame(9280, 3)];
    const t = await tester('tap', frames, 9300);
    const vm = await boot(WIRE.replace('9216', '65535'), t.ports);
    await t.start();
    await t.send();
    same(await t.received(2), [frames[0]!, frames[2]!]);
    expect((await vm.monitorStats())!.ports).toMatchObject([
      { rxPackets: 2, rxDropped: 1 },
      { txPackets: 2, txDropped: 0 },
    ]);
  });

  it('a queue of them leaves memory for the router: the rest is dropped and counted', async () => {
    const many = Array.from({ length: 500 }, (_, i) => frame(9212, i));
    const t = await tester('vhost-user', many);
    const vm = await boot(HOLD, t.ports);
    await t.send();
    const stats = async () => (await vm.stats()).ports[0]!;
    await expect
      .poll(async () => (await stats()).rxPackets + (await stats()).rxDropped, { timeout: 20_000 })
      .toBe(500);
    const kept = (await stats()).rxPackets;
    expect(kept).toBeGreaterThan(50);
    expect(await vm.read('q.length')).toBe(String(kept));
    await vm.swap(compilePlan(`${HOLD} Idle -> Queue(1000) -> Discard;`, 'test.click', { target: 'guest' }));
    await vm.write('u.active', 'true');
    const got = await t.received(kept);
    expect(got.length).toBe(kept);
    expect(got.every((f) => many.some((m) => m.equals(f)))).toBe(true);
  });
});
