/** Topologies of which a part fails, is lost or is replaced: what is said, what is left, how it is mended. */

import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { namespaceProblem } from './hosts.ts';
import { Sandbox } from './sandbox.ts';

const kvm = spawnSync('test', ['-w', '/dev/kvm']).status === 0;
if (!kvm) console.log('mending topologies: skipped: /dev/kvm is not usable');

/** Pings the other router and answers its pings. */
const PEER = `
define($N 1, $M 2);
ICMPPingSource(10.0.0.$N, 10.0.0.$M, INTERVAL 0.005)
  -> EtherEncap(0x0800, 02:00:00:00:00:0$N, 02:00:00:00:00:0$M) -> q :: Queue(64) -> ToDevice(0);
FromDevice(0) -> HostEtherFilter(02:00:00:00:00:0$N)
  -> c :: Classifier(12/0800 23/01 34/08, 12/0800 23/01 34/00, -);
c[0] -> asked :: Counter -> EtherMirror -> Strip(14) -> CheckIPHeader -> ICMPPingResponder -> Unstrip(14) -> q;
c[1] -> answers :: Counter -> Discard;
c[2] -> Discard;
`;
const LINKED = `routers:
  a: { config: peer.click, ports: [ link:wire ] }
  b: { config: peer.click, vars: { N: 2, M: 1 }, ports: [ link:wire ] }
`;

describe.skipIf(!kvm)('a topology', () => {
  let box: Sandbox;
  beforeAll(() => {
    box = new Sandbox();
    writeFileSync(join(box.dir, 'peer.click'), PEER);
    writeFileSync(
      join(box.dir, 'wire.click'),
      'FromDevice(0) -> Queue -> ToDevice(1); FromDevice(1) -> Queue -> ToDevice(0);\n',
    );
    writeFileSync(join(box.dir, 'other.click'), 'FromDevice(0) -> Discard;\ns :: StaticThreadSched(s 4);\n');
    writeFileSync(join(box.dir, 't.yaml'), LINKED);
  });
  afterEach(() => {
    box.run('down', 't.yaml');
    expect(box.leftovers()).toEqual([]);
  });
  afterAll(() => box.remove());
  const done = (...args: string[]) => {
    const run = box.run(...args);
    expect(run.status, run.stderr).toBe(0);
    return run;
  };

  it('takes back a router with links from its snapshot, whatever has become of the neighbour', async () => {
    done('up', 't.yaml');
    await box.grows('b', 'answers.count');
    done('snapshot', 'b', 'b.snapshot');
    const answers = Number(await box.read('b', 'answers.count'));
    done('rm', '-f', 'b');
    // It runs.
    done('restore', 'b.snapshot', '-d');
    await box.grows('a', 'answers.count');
    await box.grows('b', 'answers.count');
    expect(Number(await box.read('b', 'answers.count'))).toBeGreaterThan(0);
    // It has gone, and comes back later.
    done('rm', '-f', 'a', 'b');
    done('restore', 'b.snapshot', '-d');
    expect(Number(await box.read('b', 'answers.count'))).toBeLessThanOrEqual(answers);
    expect(box.json('up', 't.yaml')).toMatchObject({ running: ['b'], started: [{ name: 'a' }], changed: [] });
    await box.grows('b', 'answers.count');
    // Even the link has gone.
    done('rm', '-f', 'b');
    box.kill('t.wire');
    done('restore', 'b.snapshot', '-d');
    await box.grows('b', 'answers.count');
    expect(box.json('ps', 't').map((r: { name: string }) => r.name)).toEqual(['a', 'b', 't.wire']);
  });

  it('wakes a parked neighbour by a router that is restored', async () => {
    writeFileSync(join(box.dir, 'still.click'), PEER.replace('INTERVAL 0.005', 'ACTIVE false'));
    writeFileSync(join(box.dir, 't.yaml'), LINKED.replace('peer.click', 'still.click'));
    done('up', 't.yaml');
    await box.grows('b', 'answers.count');
    done('snapshot', 'b', 'b.snapshot');
    done('rm', '-f', 'b');
    done('park', 'a');
    done('restore', 'b.snapshot', '-d');
    await box.grows('b', 'answers.count');
    expect(box.json('ps', 't')[0]).toMatchObject({ name: 'a', state: 'running' });
    writeFileSync(join(box.dir, 't.yaml'), LINKED);
  });

  it('refuses a second end where a link has both, and links of a topology that is not up', () => {
    done('up', 't.yaml');
    done('snapshot', 'b', 'b.snapshot');
    const refused = (message: string, ...args: string[]) =>
      expect(box.run(...args, '-d')).toMatchObject({ stdout: '', stderr: `clicklet: ${message}\n` });
    refused("'b' has 1 port: give its clone as many of its own with --port", 'clone', 'b', 'c');
    refused("link 't.wire' joins two ports and has both", 'clone', 'b', 'c', '--port', 'switch:t.wire');
    refused(
      "'b' runs with the ports and addresses of this snapshot: give --port, or use 'clicklet clone'",
      ...['restore', 'b.snapshot', '--name', 'c'],
    );
    done('down', 't.yaml');
    const run = box.run('restore', 'b.snapshot', '-d');
    expect(run.status).toBe(2);
    expect(run.stderr).toMatch(
      /^clicklet: 'link:wire,mac=[0-9a-f:]{17}' is a link of a topology that is not up with a router 'b': /,
    );
  });

  it('tells how to get back what was swapped, and that is right', () => {
    done('up', 't.yaml');
    expect(done('swap', 'b', 'other.click').stderr).toContain(
      "other.click:2:1: warning: 's :: StaticThreadSched': there is no thread 4",
    );
    expect(box.json('ps', 't')[1]).toMatchObject({ name: 'b', config: 'other.click' });
    const hint = /clicklet (swap b peer\.click N=2 M=1), or clicklet rm -f b and up again/.exec(
      done('up', 't.yaml').stderr,
    );
    done(...hint![1]!.split(' '));
    expect(done('up', 't.yaml').stderr).toMatch(/^t: started 0, running already 2, in [0-9.]+ s\n$/);
  });

  const noTaps = namespaceProblem();
  if (noTaps) console.log(`TAP interfaces that fail: skipped: ${noTaps}`);
  it.skipIf(noTaps)('says of every part why it fails, starts the rest, and goes down whole', () => {
    const tap = (n: number) => `kr${process.pid % 100000}x${n}`;
    const netns = `clk-${process.pid}-repair`;
    spawnSync('ip', ['netns', 'add', netns]);
    spawnSync('ip', ['tuntap', 'add', 'dev', tap(2), 'mode', 'tap']);
    writeFileSync(
      join(box.dir, 't.yaml'),
      `routers:
  a: { config: peer.click, ports: [ tap:${tap(0)} ] }
  b: { config: peer.click, ports: [ tap:${tap(1)} ] }
  large: { config: large.click, ports: [ link:x ] }
  used: { config: peer.click, ports: [ tap:${tap(2)} ] }
  alone: { config: wire.click, ports: [ link:x, "vhost-user:${box.dir}/nobody" ] }
taps:
  ${tap(0)}: { address: 10.213.0.1/24 }
  ${tap(1)}: { netns: ${netns}, address: 10.214.0.1/24, gateway: 10.215.0.1 }
`,
    );
    writeFileSync(join(box.dir, 'large.click'), 'FromDevice(0) -> Queue(10000000) -> ToDevice(0);\n');
    expect(box.run('boot', 'peer.click', '--name', 'user', '--port', `tap:${tap(2)}`, '-d').status).toBe(0);
    const up = box.run('up', 't.yaml');
    expect(up.status).toBe(1);
    expect(up.stderr).toContain('t: started 2, running already 0, ');
    expect(up.stderr).toContain(
      `t.yaml:5:3: error: 'used' does not boot: cannot attach to the interface ${tap(2)}: it is in use\n`,
    );
    expect(up.stderr).toMatch(/^large\.click:1:18: error: 'Queue@2 :: Queue': out of memory /m);
    expect(up.stderr).toMatch(
      /^t\.yaml:6:3: error: 'alone' does not boot: no vhost-user backend listens at /m,
    );
    expect(up.stderr).toContain(`error: TAP ${tap(1)}: Error: Nexthop has invalid gateway.\n`);
    expect(box.processes('user')).toHaveLength(1);
    const again = box.json('up', 't.yaml');
    expect(again).toMatchObject({ started: [], running: ['a', 'b'] });
    expect(again.failed.map((f: { name: string }) => f.name).sort()).toEqual(['alone', 'large', 'used']);
    done('down', 't.yaml');
    for (const n of [0, 1]) expect(existsSync(`/sys/class/net/${tap(n)}`)).toBe(false);
    done('rm', '-f', 'user');
    spawnSync('ip', ['link', 'del', tap(2)]);
    spawnSync('ip', ['netns', 'del', netns]);
    expect(box.leftovers()).toEqual([]);
    writeFileSync(join(box.dir, 't.yaml'), LINKED);
  });

  it.skipIf(noTaps)('starts nothing where a TAP cannot be made, and says so of all', () => {
    const [tap, veth] = ['y', 'z'].map((n) => `kr${process.pid % 100000}${n}`) as [string, string];
    spawnSync('ip', ['link', 'add', veth, 'type', 'veth', 'peer', 'name', `${veth}z`]);
    writeFileSync(
      join(box.dir, 'none.yaml'),
      `routers:
  a: { config: wire.click, ports: [ tap:${tap}, tap:lo ] }
  b: { config: wire.click, ports: [ link:x, tap:${veth} ] }
  c: { config: wire.click, ports: [ link:x, switch:lan ] }
taps: { ${tap}: {}, lo: {}, ${veth}: {} }
`,
    );
    const up = box.run('up', 'none.yaml');
    expect(up.status).toBe(3);
    expect(up.stderr).toMatch(/^clicklet: TAP lo: .+\nTAP kr\d+z: .+\n$/);
    expect(box.leftovers()).toEqual([]);
    expect(existsSync(`/sys/class/net/${tap}`)).toBe(false);
    spawnSync('ip', ['link', 'del', veth]);
    expect(box.run('down', 'none.yaml').stderr).toBe('nothing of none.yaml is up\n');
  });
});
