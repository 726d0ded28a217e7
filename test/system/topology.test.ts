/** Topologies: a chain of virtual routers between two hosts, switches whose routers come and go, and what is left. */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasProgram, namespaceProblem, root } from './hosts.ts';
import { Sandbox } from './sandbox.ts';

const kvm = spawnSync('test', ['-w', '/dev/kvm']).status === 0;
const noKvm = kvm ? undefined : '/dev/kvm is not usable';
if (noKvm) console.log(`topologies: skipped: ${noKvm}`);

describe.skipIf(namespaceProblem() ?? noKvm)('the chain of the example, router, firewall, NAT', () => {
  const [home, world] = ['home', 'world'].map((n) => `clk-${process.pid}-${n}`) as [string, string];
  const [tap0, tap1] = [0, 1].map((n) => `k${process.pid % 100000}c${n}`) as [string, string];
  let box: Sandbox;
  let file: string;
  const ip = (...args: string[]) => spawnSync('ip', args, { encoding: 'utf8' });
  const inside = (ns: string, ...command: string[]) => {
    const r = spawnSync('ip', ['netns', 'exec', ns, ...command], { encoding: 'utf8', timeout: 30_000 });
    return `${r.stdout}${r.stderr}`;
  };
  const ping = () => inside(home, 'ping', '-c', '3', '-i', '0.1', '-W', '3', '203.0.113.2');

  beforeAll(() => {
    box = new Sandbox();
    for (const ns of [home, world]) ip('netns', 'add', ns);
    const example = readFileSync(join(root, 'configs', 'examples', 'chain', 'clicklet.yaml'), 'utf8');
    file = join(box.dir, 'chain.yaml');
    writeFileSync(
      file,
      example
        .replaceAll('../../middleboxes', join(root, 'configs', 'middleboxes'))
        .replaceAll('home0', tap0)
        .replaceAll('world0', tap1)
        .replace('netns: home', `netns: ${home}`)
        .replace('netns: world', `netns: ${world}`),
    );
  });
  afterAll(() => {
    box.remove();
    for (const ns of [home, world]) ip('netns', 'del', ns);
  });

  it('goes up with one command', () => {
    const up = box.json('up', file);
    expect(up.started.map((s: { name: string }) => s.name).sort()).toEqual(['edge', 'fw', 'nat']);
    expect(up.switches).toEqual(['chain.a', 'chain.b']);
    expect(up.failed).toEqual([]);
  });

  it('carries pings, translated', () => {
    expect(ping()).toContain(' 0% packet loss');
    expect(Number(box.run('handler', 'nat', 'pings.nmappings').stdout)).toBeGreaterThanOrEqual(1);
    expect(Number(box.run('handler', 'fw', 'inside.count').stdout)).toBeGreaterThanOrEqual(3);
  });

  it('does not let the outside in', () => {
    ip('-n', world, 'route', 'add', '10.0.0.0/8', 'via', '203.0.113.1');
    expect(inside(world, 'ping', '-c', '1', '-W', '1', '10.0.0.2')).toContain('100% packet loss');
    expect(inside(world, 'ping', '-c', '1', '-W', '3', '203.0.113.1')).toContain(' 0% packet loss'); // the NAT itself
  });

  it.skipIf(!hasProgram('iperf3'))('carries TCP', () => {
    const server = spawnSync('ip', ['netns', 'exec', world, 'iperf3', '-s', '-1', '-D']);
    expect(server.status).toBe(0);
    let report: { end?: { sum_sent: { bytes: number }; sum_received: { bytes: number } } } = {};
    for (let i = 0; i < 20 && !report.end?.sum_received; i++)
      report = JSON.parse(inside(home, 'iperf3', '-c', '203.0.113.2', '-n', '4M', '-J'));
    expect(report.end!.sum_sent.bytes).toBeGreaterThanOrEqual(4 << 20);
    expect(report.end!.sum_received.bytes).toBeGreaterThan(0); // what is under way at the end is not counted
  });

  it.skipIf(!hasProgram('iperf3'))('carries UDP, and answers from where the firewall lets them come', () => {
    const server = spawnSync('ip', ['netns', 'exec', world, 'iperf3', '-s', '-1', '-D', '-p', '53']);
    expect(server.status).toBe(0);
    let report: { end?: { sum?: { packets: number; lost_packets: number } } } = {};
    const words = ['-u', '-c', '203.0.113.2', '-p', '53', '-b', '1M', '-l', '1000', '-k', '100', '-J'];
    for (let i = 0; i < 20 && !report.end?.sum; i++) report = JSON.parse(inside(home, 'iperf3', ...words));
    expect(report.end!.sum).toMatchObject({ packets: 100, lost_packets: 0 });
  });

  it('is left alone by a second up, which tells what the file has changed', () => {
    const before = box.json('ps');
    const again = box.json('up', file);
    expect(again).toMatchObject({ started: [], changed: [], running: ['edge', 'fw', 'nat'] });
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('GW: 203.0.113.2', 'GW: 203.0.113.3'));
    const run = box.run('up', file);
    expect(run.status).toBe(0);
    expect(run.stderr).toContain(
      `${file}:20:3: warning: 'nat' runs with something else than is described here`,
    );
    writeFileSync(file, text);
    const pids = (list: { pid: number }[]) => list.map((r) => r.pid);
    expect(pids(box.json('ps'))).toEqual(pids(before));
  });

  it('shows its routers and logs by file and by name', () => {
    const names = (list: { name: string }[]) => list.map((r) => r.name);
    expect(names(box.json('ps', file))).toEqual(['chain.a', 'chain.b', 'edge', 'fw', 'nat']);
    expect(names(box.json('ps', 'chain'))).toEqual(['chain.a', 'chain.b', 'edge', 'fw', 'nat']);
    expect(box.run('ps', 'nothing').status).toBe(1);
    const lines = box.run('logs', 'chain').stdout.split('\n').filter(Boolean);
    for (const line of lines) expect(line).toMatch(/^(chain\.a|chain\.b|edge {3}|fw {5}|nat {4}) \| /);
  });

  it('comes back when its router, its link and its TAP were lost', () => {
    for (const name of ['edge', 'chain.b']) box.kill(name);
    expect(box.json('up', file).started.map((s: { name: string }) => s.name)).toEqual(['edge']);
    expect(ping()).toContain(' 0% packet loss');
  });

  it('goes down without a trace', () => {
    expect(box.run('down', file).status).toBe(0);
    expect(box.leftovers()).toEqual([]);
    expect(ip('-n', home, 'link', 'show', tap0).status).not.toBe(0);
    expect(ip('link', 'show', tap0).status).not.toBe(0);
    expect(box.run('down', file)).toMatchObject({ status: 0, stderr: `nothing of ${file} is up\n` });
  });
});

const PEER = `
// Pings the other router and answers its pings.
define($N 1, $M 2);
src :: ICMPPingSource(10.0.0.$N, 10.0.0.$M, INTERVAL 0.005)
  -> to :: EtherEncap(0x0800, 02:00:00:00:00:0$N, 02:00:00:00:00:0$M) -> q :: Queue(64) -> ToDevice(0);
FromDevice(0) -> HostEtherFilter(02:00:00:00:00:0$N) -> c :: Classifier(12/0800 23/01 34/08, 12/0800 23/01 34/00, -);
c[0] -> asked :: Counter -> Strip(14) -> CheckIPHeader -> ICMPPingResponder -> to;
c[1] -> answers :: Counter -> Discard;
c[2] -> Discard;
`;

describe.skipIf(noKvm)('a host switch', () => {
  let box: Sandbox;
  beforeAll(() => {
    box = new Sandbox();
    writeFileSync(join(box.dir, 'peer.click'), PEER);
  });
  afterEach(() => {
    const names = box.json('ps').map((r: { name: string }) => r.name);
    if (names.length) box.run('rm', '-f', ...names);
  });
  afterAll(() => box.remove());
  const peer = (name: string, n: number, m: number, port = 'switch:lan') =>
    box.run('boot', 'peer.click', `N=${n}`, `M=${m}`, '--name', name, '--port', port, '-d');

  it('starts with the first router that asks for it and ends with the last', async () => {
    expect(peer('a', 1, 2).status).toBe(0);
    expect(peer('b', 2, 1).status).toBe(0);
    await box.grows('a', 'answers.count');
    await box.grows('b', 'answers.count');
    expect(box.run('handler', 'lan', 'sw.table').stdout).toBe('02-00-00-00-00-01 0\n02-00-00-00-00-02 1\n');
    expect(box.json('ps').map((r: { name: string; vmm: string }) => `${r.name} ${r.vmm}`)).toEqual([
      'a kvm',
      'b kvm',
      'lan process',
    ]);
    // A third one comes and goes: the connections of the others stay, and nothing is lost.
    const connected = () => box.json('stats', 'a').monitor.ports[0];
    const before = connected();
    expect(peer('c', 3, 1).status).toBe(0);
    await box.grows('a', 'answers.count');
    expect(box.run('rm', '-f', 'c').status).toBe(0);
    expect(connected()).toEqual(before);
    expect(box.run('logs', 'a').stdout).toBe('');
    expect(box.run('rm', 'lan')).toMatchObject({ status: 1 });
    expect(box.run('rm', '-f', 'a', 'b').status).toBe(0);
    expect(box.leftovers()).toEqual([]);
  });

  it('keeps VLANs apart', async () => {
    expect(peer('a', 1, 2, 'switch:lan,vlan=10').status).toBe(0);
    expect(peer('b', 2, 1, 'switch:lan,vlan=20').status).toBe(0);
    expect(peer('c', 2, 1, 'switch:lan,vlan=10').status).toBe(0);
    await box.grows('a', 'answers.count');
    await box.grows('c', 'answers.count');
    expect(box.run('handler', 'b', 'asked.count').stdout).toBe('0\n');
  });

  it('wakes a parked router by the first frame for it', async () => {
    // Only a speaks, and not before it is told to.
    expect(peer('a', 1, 2).status).toBe(0);
    writeFileSync(
      join(box.dir, 'quiet.click'),
      PEER.replace('INTERVAL 0.005', 'INTERVAL 0.005, ACTIVE false'),
    );
    expect(box.run('rm', '-f', 'a').status).toBe(0);
    for (const [name, n, m] of [
      ['a', 1, 2],
      ['b', 2, 1],
    ] as const) {
      const args = ['boot', 'quiet.click', `N=${n}`, `M=${m}`, '--name', name, '--port', 'switch:lan', '-d'];
      expect(box.run(...args).status).toBe(0);
    }
    expect(box.run('park', 'b').status).toBe(0);
    const state = () => box.json('ps').find((r: { name: string }) => r.name === 'b').state;
    expect(state()).toBe('parked');
    expect(box.run('handler', 'a', 'src.active', 'true').status).toBe(0);
    await box.grows('a', 'answers.count');
    expect(state()).toBe('running');
  });

  it('loses nothing between two routers while ports of others come and go', async () => {
    const SENT = 10_000;
    writeFileSync(
      join(box.dir, 'from.click'),
      `s :: RatedSource(LENGTH 46, RATE 1000, LIMIT ${SENT}, ACTIVE false)
         -> EtherEncap(0x0800, 02:00:00:00:00:01, 02:00:00:00:00:02) -> Queue(1000) -> ToDevice(0);
       FromDevice(0) -> HostEtherFilter(02:00:00:00:00:01) -> back :: Counter -> Discard;`,
    );
    // Sends each frame back: the switch carries both directions.
    writeFileSync(
      join(box.dir, 'mirror2.click'),
      `FromDevice(0) -> HostEtherFilter(02:00:00:00:00:02) -> got :: Counter -> EtherMirror -> Queue(1000) -> ToDevice(0);`,
    );
    const boot = (file: string, name: string, port: string) =>
      box.run('boot', file, '--name', name, '--port', port, '-d').status;
    expect(boot('from.click', 'from', 'switch:lan')).toBe(0);
    expect(boot('mirror2.click', 'to', 'switch:lan')).toBe(0);
    expect(box.run('handler', 'from', 's.active', 'true').status).toBe(0);
    for (let i = 0; i < 3; i++) {
      expect(boot('mirror2.click', 'guest1', 'switch:lan')).toBe(0); // it hears what is flooded only
      expect(boot('mirror2.click', 'guest2', 'switch:lan,vlan=7')).toBe(0);
      expect(box.run('rm', '-f', 'guest1', 'guest2').status).toBe(0);
    }
    expect(Number(await box.read('from', 's.count'))).toBeLessThan(SENT); // all of it happened on the way
    for (let i = 0; i < 1500 && Number(await box.read('from', 's.count')) < SENT; i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    await box.settled(() => Number(box.run('handler', 'from', 'back.count').stdout));
    expect(await box.read('to', 'got.count')).toBe(String(SENT));
    expect(await box.read('from', 'back.count')).toBe(String(SENT));
  });

  it('takes back a router from its snapshot, and a clone of it with addresses of its own', async () => {
    expect(peer('a', 1, 2).status).toBe(0);
    expect(peer('b', 2, 1).status).toBe(0);
    await box.grows('b', 'answers.count');
    expect(box.run('snapshot', 'b', 'b.snapshot').status).toBe(0);
    expect(box.run('rm', '-f', 'b').status).toBe(0);
    const asked = Number(await box.read('a', 'asked.count'));
    expect(box.run('restore', 'b.snapshot', '-d').status).toBe(0);
    await box.grows('b', 'answers.count');
    await box.grows('a', 'answers.count');
    expect(Number(await box.read('b', 'asked.count'))).toBeGreaterThan(0); // its counters are those of before
    expect(Number(await box.read('a', 'asked.count'))).toBeGreaterThan(asked);
    // A switch that was killed meanwhile is made anew.
    expect(box.run('rm', '-f', 'b').status).toBe(0);
    box.kill('lan');
    expect(box.run('restore', 'b.snapshot', '-d').status).toBe(0);
    await box.grows('b', 'answers.count');
    await box.grows('a', 'answers.count');
    expect(box.run('restore', 'b.snapshot', '--name', 'twin', '-d')).toMatchObject({
      status: 2,
      stderr:
        "clicklet: 'b' runs with the ports and addresses of this snapshot: give --port, or use 'clicklet clone'\n",
    });
    const clone = box.json('clone', 'b', 'c', '-d');
    expect(clone).toMatchObject({ name: 'c' });
    const mac = (name: string) => box.json('stats', name).guest.ports[0].mac as string;
    expect(new Set(['a', 'b', 'c'].map(mac)).size).toBe(3);
    expect(box.json('ps').map((r: { name: string }) => r.name)).toEqual(['a', 'b', 'c', 'lan']);
    expect(box.json('stats', 'c').guest.ports[0]).toMatchObject({ link: true });
    expect(box.run('rm', '-f', 'a', 'b', 'c').status).toBe(0);
    expect(box.leftovers()).toEqual([]);
  });

  it('loses nothing when a router is parked and woken again and again in traffic', async () => {
    const SENT = 3000;
    const config = (n: number, body: string) => writeFileSync(join(box.dir, `load${n}.click`), body);
    // Frames alone and in bursts of 40, some milliseconds apart: most find the receiver parked.
    config(
      1,
      `s :: RatedSource(LENGTH 46, RATE 100, LIMIT ${SENT / 20}, ACTIVE false) -> EtherEncap(0x0800, 02:00:00:00:00:01, 02:00:00:00:00:02) -> q :: Queue(1000) -> ToDevice(0);
       b :: RatedSource(LENGTH 46, RATE 800, LIMIT ${SENT - SENT / 20}, ACTIVE false) -> h :: Queue(4000) -> TimedUnqueue(0.05, 40) -> EtherEncap(0x0800, 02:00:00:00:00:01, 02:00:00:00:00:02) -> q;
       FromDevice(0) -> Discard;`,
    );
    config(
      2,
      `TimedSource(1, LIMIT 1) -> Truncate(46) -> EtherEncap(0x0800, 02:00:00:00:00:02, 02:00:00:00:00:01) -> Queue -> ToDevice(0);
       FromDevice(0) -> HostEtherFilter(02:00:00:00:00:02) -> got :: Counter -> Discard;`,
    );
    for (const n of [1, 2])
      expect(box.run('boot', `load${n}.click`, '--name', `l${n}`, '--port', 'switch:lan', '-d').status).toBe(
        0,
      );
    const { Vm } = await import('../../src/vm/boot.ts');
    process.env.CLICKLET_STATE = box.state;
    const [sender, receiver] = [await Vm.open('l1'), await Vm.open('l2')];
    try {
      await sender.write('s.active', 'true');
      await sender.write('b.active', 'true');
      let parked = 0;
      for (let got = 0, idle = 0; idle < 20; ) {
        await receiver.park().then(
          () => parked++,
          () => undefined,
        );
        await new Promise((resolve) => setTimeout(resolve, 15)); // what comes now wakes it
        const now = Number(await receiver.read('got.count'));
        idle = now === got ? idle + 1 : 0;
        got = now;
      }
      expect(parked).toBeGreaterThan(20);
      expect(await receiver.read('got.count')).toBe(String(SENT));
      expect(box.run('events').stdout.split('woken').length).toBeGreaterThan(20);
    } finally {
      sender.close();
      receiver.close();
      delete process.env.CLICKLET_STATE;
    }
  });

  it('parks idle routers of a topology by themselves, and the first frame wakes them', async () => {
    writeFileSync(
      join(box.dir, 'lazy.click'),
      PEER.replace('INTERVAL 0.005', 'INTERVAL 0.005, ACTIVE false'),
    );
    writeFileSync(
      join(box.dir, 'lazy.yaml'),
      'routers:\n  a: { config: lazy.click, ports: [ switch:lan ] }\n' +
        '  b: { config: lazy.click, vars: { N: 2, M: 1 }, ports: [ switch:lan ], park-after: 1 }\n',
    );
    expect(box.run('up', 'lazy.yaml').status).toBe(0);
    const state = () => box.json('ps').map((r: { name: string; state: string }) => `${r.name} ${r.state}`);
    for (let i = 0; i < 100 && !state().includes('b parked'); i++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(state()).toEqual(['a running', 'b parked', 'lan running']);
    expect(box.run('handler', 'a', 'src.active', 'true').status).toBe(0);
    await box.grows('a', 'answers.count');
    expect(state()).toEqual(['a running', 'b running', 'lan running']);
    expect(box.run('down', 'lazy.yaml').status).toBe(0);
    expect(box.leftovers()).toEqual([]);
  });

  it('with a configuration of its own has the ports of that', () => {
    writeFileSync(join(box.dir, 'mirror.click'), 'FromDevice(0) -> c :: Counter -> Queue -> ToDevice(0);\n');
    writeFileSync(
      join(box.dir, 'own.yaml'),
      'routers:\n  a: { config: peer.click, ports: [ switch:back ] }\nswitches:\n  back: { config: mirror.click }\n',
    );
    expect(box.run('up', 'own.yaml').status).toBe(0);
    expect(peer('b', 2, 1, 'switch:back')).toMatchObject({
      status: 1,
      stderr: "clicklet: no port of switch 'back' is free: mirror.click has 1\n",
    });
    expect(Number(box.run('handler', 'back', 'c.count').stdout)).toBeGreaterThan(0);
    expect(box.run('down', 'own').status).toBe(0);
    expect(box.leftovers()).toEqual([]);
  });

  it('with a configuration of its own can have a hundred ports, and those that have routers talk', async () => {
    const PORTS = 100;
    writeFileSync(
      join(box.dir, 'wide.click'),
      `sw :: EtherSwitch;\n${Array.from({ length: PORTS }, (_, i) => `FromDevice(${i}) -> [${i}] sw [${i}] -> Queue -> ToDevice(${i});\n`).join('')}`,
    );
    writeFileSync(
      join(box.dir, 'wide.yaml'),
      'routers:\n  a: { config: peer.click, ports: [ switch:wide ] }\n' +
        '  b: { config: peer.click, vars: { N: 2, M: 1 }, ports: [ switch:wide ] }\n' +
        'switches:\n  wide: { config: wide.click }\n',
    );
    const up = box.run('up', 'wide.yaml');
    expect(up.status, up.stderr).toBe(0);
    await box.grows('a', 'answers.count');
    await box.grows('b', 'answers.count');
    expect(box.json('stats', 'wide').guest.ports).toHaveLength(PORTS);
    expect(box.run('down', 'wide').status).toBe(0);
    expect(box.leftovers()).toEqual([]);
  });

  it('refuses ports and names that cannot be', () => {
    expect(peer('a', 1, 2, 'switch:').status).toBe(2);
    expect(peer('a', 1, 2, 'switch:lan,vlan=5000').status).toBe(2);
    expect(peer('a', 1, 2, 'link:x').status).toBe(2);
    expect(peer('a', 1, 2).status).toBe(0);
    expect(peer('b', 1, 2, 'switch:a')).toMatchObject({
      status: 1,
      stderr: "clicklet: 'a' is a virtual router: a switch cannot have the same name\n",
    });
  });
});

describe.skipIf(noKvm)('many routers of one topology', () => {
  it('go up, are idle, and go down without a trace', async () => {
    const box = new Sandbox();
    try {
      writeFileSync(
        join(box.dir, 'echo.click'),
        'FromDevice(0) -> c :: Counter -> EtherMirror -> Queue(32) -> ToDevice(0);\n',
      );
      writeFileSync(
        join(box.dir, 'many.yaml'),
        'routers:\n  r: { config: echo.click, replicas: 24, ports: [ switch:lan, "link:l%n" ] }\n' +
          '  s: { config: echo.click, replicas: 24, ports: [ "link:l%n" ] }\n',
      );
      const up = box.json('up', 'many.yaml');
      expect(up.started).toHaveLength(48);
      expect(up.switches).toHaveLength(25);
      expect(box.processes()).toHaveLength(48 + 25);
      // Asleep: not a round of any engine but those that our question causes.
      const rounds = () => box.json('stats', 'lan').guest.rounds as number;
      await box.settled(rounds);
      const before = rounds();
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(rounds() - before).toBeLessThanOrEqual(2);
      expect(box.run('down', 'many.yaml').status).toBe(0);
      expect(box.leftovers()).toEqual([]);
      expect(readdirSync(join(box.state, '.topologies'))).toEqual([]);
    } finally {
      box.remove();
    }
  });
});
