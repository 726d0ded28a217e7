/** The life of a virtual router beyond boot and stop: snapshots, clones, parking, swaps, with traffic and without loss. */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { compilePlan, Router } from '../../src/engine/router.ts';
import { formatDiagnostics } from '../../src/lang/diagnostics.ts';
import { bootVm, cloneVm, restoreVm, type Vm } from '../../src/vm/boot.ts';
import { readJournal } from '../../src/vm/journal.ts';
import { clicklet, namespaceProblem, TwoHosts } from './hosts.ts';

const kvm = spawnSync('test', ['-w', '/dev/kvm']).status === 0;
if (!kvm) console.log('life cycle of a virtual router: skipped: /dev/kvm is not usable');
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Until a counter has reached `n`; throws after 30 s. */
async function reaches(n: number, read: () => Promise<string>): Promise<void> {
  let now = 0;
  for (let i = 0; i < 3000; i++) {
    now = Number(await read());
    if (now >= n) break;
    await sleep(10);
  }
  expect(now).toBe(n);
}

const plan = (text: string) => compilePlan(text, 'test.click', { target: 'guest' });
const events = (name: string) =>
  readJournal()
    .events.filter((e) => e.name === name)
    .map((e) => e.event);

describe.skipIf(!kvm)('life cycle', () => {
  let dir: string;
  let vms: Vm[] = [];
  const keep = <T extends Vm>(vm: T): T => {
    vms.push(vm);
    return vm;
  };
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'clicklet-life-'));
    process.env.CLICKLET_STATE = join(dir, 'state');
    process.env.CLICKLET_PARK_DIR = dir;
  });
  afterEach(async () => {
    for (const vm of vms) await vm.stop().catch(() => undefined);
    vms = [];
    rmSync(join(dir, 'state'), { recursive: true, force: true });
  });
  afterAll(() => {
    delete process.env.CLICKLET_STATE;
    delete process.env.CLICKLET_PARK_DIR;
    rmSync(dir, { recursive: true, force: true });
  });

  const boot = async (text: string, name: string, more: object = {}) =>
    keep(await bootVm({ name, configuration: plan(text), file: 'test.click', vmm: 'kvm', ...more }));

  /** A process that sends numbered frames through port 0 of a router and counts what comes out of port 1. */
  async function tester(name: string) {
    const ports = [0, 1].map((n) => `vhost-user:${dir}/${name}${n}`);
    const router = await Router.create(
      `src :: RatedSource(LENGTH 60, RATE 5000, LIMIT 0, ACTIVE false) -> sent :: Counter -> Queue(20000) -> ToDevice(0);
       FromDevice(1) -> got :: Counter -> kind :: Classifier(20/313131, 20/323232, 20/333333, -);
       kind[0] -> k1 :: Counter -> Discard; kind[1] -> k2 :: Counter -> Discard; kind[2] -> k3 :: Counter -> Discard;
       kind[3] -> Discard;
       FromDevice(0) -> Discard;
       Idle -> ToDevice(1);`,
      { ports },
    );
    const running = router.run();
    return {
      ports,
      router,
      send: async (n: number) => {
        await router.write('src.limit', String(Number(await router.read('src.count')) + n));
        await router.write('src.active', 'true');
      },
      close: async () => {
        router.stop();
        await running;
        router.close();
      },
    };
  }
  const WIRE =
    'FromDevice(0) -> c :: Counter -> out :: Queue(2000) -> ToDevice(1); FromDevice(1) -> Discard;';

  it('loses and repeats no frame when snapshots and swaps happen in full traffic', async () => {
    const t = await tester('a');
    const vm = await boot(WIRE, 'wire', { ports: t.ports, memBytes: 16 << 20 });
    await t.send(10_000);
    for (let i = 0; i < 3; i++) {
      await vm.snapshot(join(dir, 'wire.snapshot'));
      await vm.swap(plan(`${WIRE} // ${i}`));
      // Refused when the guest initialises it, after all of it was configured.
      const refused = await vm.swap(plan(`${WIRE}\nScript(goto nowhere);`)).catch((e) => e);
      expect(formatDiagnostics(refused.diagnostics)).toMatch(
        /^test\.click:2:1: error: 'Script@\d+ :: Script': there is no label 'nowhere'/,
      );
      const large = await vm.swap(plan(`${WIRE}\nIdle -> Queue(10000000) -> Discard;`)).catch((e) => e);
      expect(formatDiagnostics(large.diagnostics)).toMatch(
        /^error: out of memory: .*\n.*test\.click:2:9: error: /,
      );
      await sleep(200);
    }
    expect(Number(await t.router.read('got.count'))).toBeLessThan(10_000); // all of it happened on the way
    await reaches(10_000, () => t.router.read('got.count'));
    expect(await vm.read('c.count')).toBe('10000');
    expect(events('wire').filter((e) => e.startsWith('swap'))).toEqual(
      Array(3).fill(['swapped', 'swapRefused', 'swapRefused']).flat(),
    );
    expect(await t.router.read('sent.count')).toBe('10000');
    await vm.stop();
    await t.close();
  });

  it('goes on from a snapshot: counters, queue, clock, and the rings of its ports', async () => {
    const t = await tester('b');
    const vm = await boot(
      `${WIRE} RatedSource(RATE 200, LIMIT 20) -> q :: Queue(50) -> Idle;
       TimedSource(0.05) -> n :: Counter -> Discard;`,
      'r',
      { ports: t.ports },
    );
    await t.send(1000);
    await reaches(1000, () => t.router.read('got.count'));
    await reaches(20, () => vm.read('q.length'));
    const ticks = Number(await vm.read('n.count'));
    const uptime = (await vm.stats()).uptimeNs;
    const file = join(dir, 'r.snapshot');
    await vm.snapshot(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    process.kill(vm.record.pid, 'SIGKILL');
    await vm.exited;
    vm.close();
    rmSync(join(dir, 'state', 'r'), { recursive: true });

    await sleep(300); // which the guest does not notice
    const again = keep(await restoreVm(file));
    expect(again.name).toBe('r');
    expect(await again.read('c.count')).toBe('1000');
    expect(await again.read('q.length')).toBe('20');
    const later = (await again.stats()).uptimeNs;
    expect(later).toBeGreaterThan(uptime);
    await t.send(500);
    await reaches(1500, () => t.router.read('got.count'));
    expect(await again.read('c.count')).toBe('1500');
    await sleep(200); // its timer goes on
    expect(Number(await again.read('n.count'))).toBeGreaterThan(ticks + 1);
    expect(events('r')).toContain('restored');
    await again.stop();
    await t.close();
  });

  it('clones: the same state, addresses of its own, both go on', async () => {
    const a = await tester('c');
    const b = await tester('d');
    const text = `${WIRE} arp :: ARPResponder(10.0.0.1 0:eth); Idle -> arp -> Discard;`;
    const one = await boot(text, 'one', { ports: a.ports });
    await a.send(100);
    await reaches(100, () => a.router.read('got.count'));
    await expect(cloneVm('one', { name: 'two' })).rejects.toThrow('has 2 ports');
    const two = keep(await cloneVm('one', { name: 'two', ports: b.ports }));
    expect(await two.read('c.count')).toBe('100');
    const macs = async (vm: Vm) => (await vm.stats()).ports.map((p) => p.mac);
    const own = await macs(two);
    expect(own).not.toEqual(await macs(one));
    expect((await two.read('arp.table')).toLowerCase().replaceAll('-', ':')).toContain(own[0]);
    await a.send(10);
    await b.send(20);
    await reaches(110, () => one.read('c.count'));
    await reaches(120, () => two.read('c.count'));
    await one.stop();
    await two.stop();
    await a.close();
    await b.close();
  });

  it('parks, and the first frame wakes it and arrives', async () => {
    const t = await tester('e');
    const vm = await boot(WIRE, 'p', { ports: t.ports });
    await t.send(5);
    await reaches(5, () => t.router.read('got.count'));
    const before = vm.memory.residentBytes;
    for (let round = 1; round <= 3; round++) {
      await vm.park();
      expect(await vm.monitorStats()).toMatchObject({ state: 'parked' });
      expect(vm.memory.residentBytes).toBeLessThan(before);
      await t.router.write('src.data', String(round).repeat(60)); // no stale memory under a new frame
      await t.send(1);
      await reaches(5 + round, () => t.router.read('got.count'));
      expect(await t.router.read(`k${round}.count`)).toBe('1');
      expect(await vm.monitorStats()).toMatchObject({ state: 'running' });
    }
    await vm.park();
    expect(await vm.read('c.count')).toBe('8'); // a request wakes it as well
    expect(events('p').filter((e) => /parked|woken/.test(e))).toEqual(
      Array(4).fill(['parked', 'woken']).flat(),
    );
    await vm.stop();
    await t.close();
  });

  it('parks by itself when idle, is woken by its timer, and refuses while it is busy', async () => {
    const vm = await boot('TimedSource(3) -> c :: Counter -> Discard;', 'idle', { parkAfterS: 1 });
    for (let i = 0; i < 100 && !events('idle').includes('woken'); i++) await sleep(100);
    expect(events('idle').slice(0, 4)).toEqual(['started', 'ready', 'parked', 'woken']);
    await reaches(1, () => vm.read('c.count'));
    const busy = await boot('InfiniteSource -> Discard;', 'busy');
    await expect(busy.park()).rejects.toThrow('busy');
  });

  it('a paused router keeps its state in a snapshot and stays paused', async () => {
    const vm = await boot('RatedSource(RATE 100, LIMIT 5) -> c :: Counter -> Discard;', 'still');
    await reaches(5, () => vm.read('c.count'));
    await vm.pause();
    await vm.snapshot(join(dir, 'still.snapshot'));
    expect(await vm.monitorStats()).toMatchObject({ state: 'paused' });
    const other = keep(await restoreVm(join(dir, 'still.snapshot'), { name: 'moving' }));
    expect(await other.read('c.count')).toBe('5');
  });

  it('a configuration of 10 MB goes through; a refused one changes nothing', async () => {
    const vm = await boot('Idle -> c :: Counter -> Discard;', 'large', { memBytes: 96 << 20 });
    const text = `Idle -> c :: Counter -> Discard; Idle -> Print("${'x'.repeat(10 << 20)}") -> e :: Counter -> Discard;`;
    await vm.swap(plan(text));
    expect(await vm.read('e.count')).toBe('0');
    await expect(vm.install(plan(text).plan.subarray(0, 5 << 20))).rejects.toThrow();
    expect(await vm.read('e.count')).toBe('0');
    expect(events('large').slice(-2)).toEqual(['swapped', 'swapRefused']);
    const small = await boot('Idle -> c :: Counter -> Discard;', 'small');
    await expect(small.install(plan(text).plan)).rejects.toThrow(/larger than|no memory/);
    expect(await small.read('c.count')).toBe('0');
  });

  it('a request that is under way when the snapshot is taken is carried out in both routers', async () => {
    const vm = await boot('Idle -> c :: Counter -> Discard;', 'asked', { memBytes: 32 << 20 });
    const text = `Idle -> Print("${'y'.repeat(2 << 20)}") -> e :: Counter -> Discard;`;
    const installed = vm.install(plan(text).plan);
    await vm.snapshot(join(dir, 'asked.snapshot'));
    await installed;
    const other = keep(await restoreVm(join(dir, 'asked.snapshot'), { name: 'other' }));
    for (const one of [vm, other]) await reaches(4, async () => (await one.read('list')).split('\n')[0]!);
  });

  it('a router in the foreground ends with the command that runs it, also when that is killed', async () => {
    writeFileSync(join(dir, 'fore.click'), 'Idle -> Discard;');
    const child = spawn(process.execPath, [clicklet, 'boot', join(dir, 'fore.click'), '--name', 'fore'], {
      stdio: 'ignore',
    });
    for (let i = 0; i < 600 && !events('fore').includes('ready'); i++) await sleep(20);
    child.kill('SIGKILL');
    for (let i = 0; i < 600 && !events('fore').includes('stopped'); i++) await sleep(20);
    expect(events('fore')).toEqual(['started', 'ready', 'stopped']);
  });

  it('an IP router runs in 4 MB, and in less than 5 MB with its monitor', async () => {
    const t = await tester('f');
    const text = readFileSync(new URL('../../configs/middleboxes/ip-router.click', import.meta.url), 'utf8');
    const vm = await boot(text, 'ip', { ports: t.ports, memBytes: 4 << 20 });
    await t.send(2000);
    await reaches(2000, () => t.router.read('sent.count'));
    expect(vm.memory.residentBytes).toBeLessThan(5 << 20);
    await vm.stop();
    await t.close();
  });

  it('a monitor that is killed leaves a note and nothing else', async () => {
    const t = await tester('g');
    const vm = await boot(WIRE, 'killed', { ports: t.ports });
    await vm.park();
    const { noteDeaths } = await import('../../src/vm/journal.ts');
    process.kill(vm.record.pid, 'SIGKILL');
    await vm.exited;
    noteDeaths();
    noteDeaths();
    expect(events('killed').filter((e) => e === 'crashed')).toHaveLength(1);
    expect(existsSync(join(dir, 'state', 'killed', 'control'))).toBe(false);
    expect(readdirSync(dir).filter((f) => f.includes('park'))).toEqual([]);
    const again = await bootVm({
      name: 'after',
      configuration: plan(WIRE),
      file: 'test.click',
      vmm: 'kvm',
      ports: t.ports,
    });
    await t.send(3);
    await reaches(3, () => again.read('c.count'));
    await again.stop();
    await t.close();
  });

  const noHosts = namespaceProblem();
  if (noHosts) console.log(`parking on TAP devices: skipped: ${noHosts}`);
  it.skipIf(noHosts)('on a TAP device: parked, restored, and answering each time', async () => {
    const hosts = new TwoHosts('p');
    const ping = () => hosts.run(0, ['ping', '-c', '1', '-W', '5', '10.0.0.1']).output;
    try {
      const [tap] = hosts.ports.filter((p) => p.startsWith('tap:'));
      const vm = await boot(
        `FromDevice(0) -> k :: Classifier(12/0806 20/0001, 12/0800 23/01 34/08, -);
         k[0] -> ARPResponder(10.0.0.1 0:eth) -> out :: Queue -> ToDevice(0);
         k[1] -> c :: Counter -> Strip(14) -> CheckIPHeader -> ICMPPingResponder -> Unstrip(14) -> EtherMirror -> out;
         k[2] -> Discard;`,
        'ping',
        { ports: [tap!] },
      );
      hosts.attach();
      expect(ping()).toContain('1 received');
      await vm.park();
      expect(ping()).toContain('1 received');
      expect(events('ping')).toContain('woken');
      await vm.snapshot(join(dir, 'ping.snapshot'));
      expect(ping()).toContain('1 received');
      expect(await vm.read('c.count')).toBe('3');
    } finally {
      hosts.remove();
    }
  });

  it('damaged, cut and foreign files are refused by name', async () => {
    const vm = await boot('Idle -> c :: Counter -> Discard;', 'ok');
    const file = join(dir, 'ok.snapshot');
    await vm.snapshot(file);
    const good = readFileSync(file);
    const spoilt = async (change: (b: Buffer) => Buffer, why: RegExp) => {
      const bad = join(dir, 'bad.snapshot');
      writeFileSync(bad, change(Buffer.from(good)));
      await expect(restoreVm(bad, { name: 'bad' })).rejects.toThrow(why);
      expect(existsSync(join(dir, 'state', 'bad'))).toBe(false);
    };
    await spoilt(
      (b) => b.subarray(0, 50),
      /bad\.snapshot cannot be restored: it is no snapshot, or it was cut off/,
    );
    await spoilt((b) => b.subarray(0, b.length - 1), /the file ends too early/);
    await spoilt((b) => b.subarray(0, b.length / 2), /the file ends too early/);
    await spoilt((b) => Buffer.concat([b, b]), /damaged/);
    await spoilt((b) => b.fill(0, 0, 8), /it is no snapshot/);
    await spoilt(
      (b) => Buffer.concat([b.subarray(0, 8), Buffer.from([2, 0, 0, 0]), b.subarray(12)]),
      /another version/,
    );
    await spoilt((b) => b.fill(9, 16, 17), /another version/);
    for (const at of [60, 200, 400, 900, 5000])
      await spoilt((b) => b.fill(b[at]! ^ 1, at, at + 1), /damaged|version/);
    await expect(restoreVm(join(dir, 'none'), {})).rejects.toThrow('no such file');
  });
});
