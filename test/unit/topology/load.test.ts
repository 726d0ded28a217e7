/** Topology files: all mistakes are reported at once, each at its place; a good one becomes routers, links, switches. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../../src/engine/router.ts';
import { planActions } from '../../../src/topology/actions.ts';
import { loadTopology } from '../../../src/topology/load.ts';
import type { VmRecord } from '../../../src/vm/registry.ts';

let dir: string;
const BRIDGE = 'FromDevice(0) -> ToDevice(1); FromDevice(1) -> ToDevice(0);';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'clicklet-topology-'));
  writeFileSync(join(dir, 'bridge.click'), BRIDGE);
  writeFileSync(
    join(dir, 'one.click'),
    'define($N 1);\nFromDevice(0) -> Paint($N) -> Queue -> ToDevice(0);\n',
  );
  writeFileSync(
    join(dir, 'bad.click'),
    'FromDevice(0) -> Countr -> Discard;\nRatedSource(RATE x) -> Discard;\n',
  );
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const load = (text: string) =>
  loadTopology(join(dir, 'clicklet.yaml'), text, { isTap: (name) => name === 'tap0' });

/** `LINE:COLUMN message` of each error, with the file's name where it is another one. */
function mistakes(text: string): string[] {
  try {
    load(text);
    return [];
  } catch (e) {
    if (!(e instanceof ConfigurationError)) throw e;
    return e.diagnostics.map(({ span, message }) => {
      const { file, line, column } = span!.source.locate(span!.start);
      const where = file.endsWith('clicklet.yaml') ? '' : `${file.slice(dir.length + 1)}:`;
      return `${where}${line}:${column} ${message.replaceAll(`${dir}/`, '')}`;
    });
  }
}

describe('a topology file', () => {
  it('becomes routers, links and switches', () => {
    const t = load(`
name: shop
routers:
  edge: { config: bridge.click, mem: 8M, ports: [ tap:tap0, link:inner ], cpu: 1, park-after: 60 }
  nat: { config: bridge.click, ports: [ "link:inner,mac=02:00:00:00:00:07", switch:lan ] }
`);
    expect(t.name).toBe('shop');
    expect(t.routers.map(({ name, memBytes, ports, cpu }) => ({ name, memBytes, ports, cpu }))).toEqual([
      { name: 'edge', memBytes: 8 << 20, ports: ['tap:tap0', 'link:inner'], cpu: 1 },
      {
        name: 'nat',
        memBytes: 5 << 20,
        ports: ['link:inner,mac=02:00:00:00:00:07', 'switch:lan'],
        cpu: undefined,
      },
    ]);
    expect(t.routers.map((r) => r.parkAfterS)).toEqual([60, undefined]);
    expect(t.switches).toEqual([
      { name: 'shop.inner', kind: 'wire' },
      { name: 'lan', kind: 'switch' },
    ]);
  });

  it('has as many replicas as it says, each with its number', () => {
    const t = load(
      'routers:\n  r: { config: one.click, replicas: 3, vars: { N: "%n" }, ports: [ "switch:s%n" ] }\n',
    );
    expect(t.routers.map((r) => [r.name, r.ports[0]])).toEqual([
      ['r-1', 'switch:s1'],
      ['r-2', 'switch:s2'],
      ['r-3', 'switch:s3'],
    ]);
    expect(new Set(t.routers.map((r) => r.digest)).size).toBe(3);
    expect(t.name).toMatch(/^clicklet-topology-/); // the folder's
  });

  it('reports every mistake at its place', () => {
    expect(
      mistakes(`name: demo
routers:
  a: { config: one.click, mem: 5, ports: [ switch:lan ], prots: [] }
  b: { config: nope.click, ports: [ foo:1, switch:lan, vlan=3 ] }
  c: { confg: one.click }
  d: { config: bad.click, ports: [ switch:lan ] }
  e: { config: one.click, cpu: -1, vmm: xen, park-after: 0 }
  "bad name": { config: one.click }
switchs: {}
`),
    ).toEqual([
      "3:58 unknown key 'prots' (did you mean 'ports'?)",
      '4:16 nope.click: cannot read the configuration: no such file',
      "4:37 'foo:1' is not a port: expected tap:IFNAME, vhost-user:SOCKET, switch:NAME or link:NAME",
      `4:56 'vlan=3' belongs to the port before it: put both in quotes, as "switch:lan,vlan=3"`,
      "5:6 'config' is missing",
      "5:8 unknown key 'confg' (did you mean 'config'?)",
      "7:32 'cpu' must be 0 or more",
      "7:41 'vmm' must be one of auto, kvm, qemu",
      "7:58 'park-after' must be 1 or more",
      "8:3 a name has letters, digits, '.', '_' and '-', 58 at most",
      "9:1 unknown key 'switchs' (did you mean 'switches'?)",
      "bad.click:1:18 undeclared element 'Countr' (did you mean 'Counter'?)",
      "bad.click:2:13 'RatedSource@4 :: RatedSource': RATE: expected an unsigned integer, not 'x'",
    ]);
  });

  it('knows what does not fit together', () => {
    expect(
      mistakes(`routers:
  a: { config: one.click, ports: [ link:x ], mem: 12 }
  b: { config: bridge.click, ports: [ link:y, link:y ] }
  c: { config: one.click, ports: [ link:y ] }
  d: { config: bridge.click, ports: [ tap:tap0 ] }
  e: { config: one.click, ports: [ tap:tap0 ] }
  f: { config: one.click, ports: [ tap:gone ] }
  lan: { config: one.click, ports: [ switch:lan ] }
  g: { config: one.click, replicas: 2, ports: [ switch:two ] }
  g-2: { config: one.click, ports: [ switch:two ] }
  h: { config: one.click, vmm: qemu, park-after: 5, ports: [ switch:three ] }
switches:
  two: { config: bridge.click }
taps:
  unused: { address: nonsense }
  a0: { address: 10.0.0.1/99 }
  a1: { address: 10.0.0/8, netns: none, gateway: 10.0.0.300 }
  a2: { address: "fd00::1/129" }
  a3: { address: 10.0.0.1/32/1, gateway: 10.0.0.2 }
  a4: { address: "fd00::1/128" }
  a%d: {}
`),
    ).toEqual([
      "2:36 link 'x' has one end: give another router the port link:x",
      '2:51 memory needs a unit: 12M?',
      "4:36 link 'y' has 3 ends, and a link has two: use switch:y for more",
      '6:36 tap:tap0 is used by two ports',
      "7:36 there is no TAP interface gone: make it with 'ip tuntap add dev gone mode tap', or list it under 'taps:' for 'up' to make",
      "8:3 'lan' is the name of a router and of a switch",
      "10:3 the name 'g-2' is used twice",
      "10:38 switch 'two' has 2 ports, and this is one more",
      '11:38 QEMU cannot park routers: leave park-after out, or use vmm: kvm',
      '15:3 no router has a port tap:unused',
      "15:22 'nonsense' is not an address with a prefix, as 10.0.0.2/24",
      '16:3 no router has a port tap:a0',
      "16:18 '10.0.0.1/99' is not an address with a prefix, as 10.0.0.2/24",
      '17:3 no router has a port tap:a1',
      "17:18 '10.0.0/8' is not an address with a prefix, as 10.0.0.2/24",
      '17:35 there is no network namespace none: ip netns add none',
      "17:50 '10.0.0.300' is not an address",
      '18:3 no router has a port tap:a2',
      "18:18 'fd00::1/129' is not an address with a prefix, as 10.0.0.2/24",
      '19:3 no router has a port tap:a3',
      "19:18 '10.0.0.1/32/1' is not an address with a prefix, as 10.0.0.2/24",
      "19:42 a gateway is for a TAP with 'netns': the host keeps its own routes",
      '20:3 no router has a port tap:a4',
      "21:3 'a%d' cannot be an interface: 15 characters at most, none of them '/', ':', '%' or a space",
      '21:3 no router has a port tap:a%d',
      "bridge.click:1:27 'ToDevice@2' uses port 1, but router 'd' has port 0 only",
      "bridge.click:1:42 'FromDevice@3' uses port 1, but router 'd' has port 0 only",
    ]);
  });

  it('that is no YAML, or nothing, is refused', () => {
    expect(mistakes('routers: [1,\n')).toEqual([expect.stringMatching(/^2:1 Flow sequence/)]);
    expect(mistakes('')).toEqual(['1:1 the topology is missing']);
    const twice =
      'routers:\n  a: { config: one.click, ports: [ switch:s ] }\n  a: { config: one.click, mem: 1 }\n';
    expect(mistakes(twice)).toEqual(['2:6 memory needs a unit: 1M?', '3:3 the name is used twice']);
  });
});

describe('the actions of up', () => {
  const record = (name: string, topology?: VmRecord['topology']): VmRecord => ({
    version: 1,
    name,
    pid: 1,
    pidStart: '',
    vmm: 'kvm',
    config: '',
    createdMs: 0,
    memBytes: 0,
    ports: [],
    bootMs: null,
    ...(topology && { topology }),
  });

  it('start what is missing or dead, and tell what differs', () => {
    const names = ['same', 'new', 'dead', 'changed', 'foreign'];
    const t = load(
      `name: t\nrouters: { ${names.map((n) => `${n}: { config: one.click, ports: [switch:s] }`).join(', ')} }\n`,
    );
    const digest = t.routers[0]!.digest;
    const records = [
      record('same', { name: 't', digest }),
      record('dead', { name: 't', digest }),
      record('changed', { name: 't', digest: 'old' }),
      record('foreign'),
      record('left', { name: 't', digest }),
    ];
    const state = {
      version: 1 as const,
      name: 't',
      file: '',
      routers: ['left', 'removed'],
      switches: [],
      taps: [],
    };
    const actions = planActions(t, state, records, (r) => r.name !== 'dead');
    const list = (key: 'boot' | 'running' | 'changed' | 'taken') => actions[key].map((r) => r.name);
    expect(list('boot')).toEqual(['new', 'dead']);
    expect(list('running')).toEqual(['same', 'changed']);
    expect(list('changed')).toEqual(['changed']);
    expect(list('taken')).toEqual(['foreign']);
    expect(actions.orphans).toEqual(['left']);
  });
});
