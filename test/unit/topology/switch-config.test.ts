/** The configuration made for a host switch, run in this process with its ports on pipes. */

import { describe, expect, it } from 'vitest';
import { compilePlan, Router } from '../../../src/engine/router.ts';
import { type SwitchPort, switchText } from '../../../src/topology/switch-config.ts';

const device = (tag: string, end: string) => (p: SwitchPort) => `pipe:${tag}${p.id}/${end}`;
const port = (id: number, vlan?: SwitchPort['vlan']): SwitchPort => ({
  id,
  router: `r${id}`,
  port: 0,
  ...(vlan !== undefined && { vlan }),
});

const BROADCAST = 'ffffffffffff';
const mac = (id: number) => `0200000000${id.toString(16).padStart(2, '0')}`;
const tagged = (vlan: number) => `8100${vlan.toString(16).padStart(4, '0')}`;
/** A frame from a host behind port `from`, with a VLAN tag or not. */
const frame = (to: string, from: number, tag = '') => `${to}${mac(from)}${tag}0800${'00'.repeat(46)}`;

/** What arrives at each port when frames are sent in turn: `ID`, or `ID tagged VLAN`, in order of ports. */
async function traffic(
  tag: string,
  text: string,
  ports: readonly SwitchPort[],
  frames: [from: number, hex: string][],
  swap?: { after: number; text: string },
): Promise<string[]> {
  const sw = await Router.create(text);
  const spec = (p: SwitchPort) => JSON.stringify(device(tag, 'b')(p));
  const sources = frames.map(
    ([from, hex], i) => `f${i} :: InfiniteSource(DATA \\<${hex}>, LIMIT 1, ACTIVE false) -> to${from};`,
  );
  const ends = ports.map(
    (p) => `Idle -> to${p.id} :: Queue -> ToDevice(${spec(p)});
      FromDevice(${spec(p)}) -> t${p.id} :: Classifier(12/8100 14/000a%0fff, 12/8100 14/0014%0fff, 12/8100, -);
      t${p.id}[0] -> a${p.id} :: Counter -> d${p.id} :: Discard; t${p.id}[1] -> b${p.id} :: Counter -> d${p.id};
      t${p.id}[2] -> x${p.id} :: Counter -> d${p.id}; t${p.id}[3] -> c${p.id} :: Counter -> d${p.id};`,
  );
  const hosts = await Router.create(`${ends.join('\n')}\n${sources.join('\n')}`);
  const running = [sw.run(), hosts.run()];
  const seen: string[] = [];
  const counters: [string, string][] = [
    ['a', ' tagged 10'],
    ['b', ' tagged 20'],
    ['x', ' tagged otherwise'],
    ['c', ''],
  ];
  try {
    for (const i of frames.keys()) {
      if (swap?.after === i) await sw.swap(compilePlan(swap.text, 'after'));
      await hosts.write(`f${i}.active`, 'true');
      // Its way is over when no counter has moved for a while.
      let before = '';
      for (let still = 0; still < 40; ) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        const found: string[] = [];
        for (const p of ports)
          for (const [c, what] of counters)
            if (Number(await hosts.read(`${c}${p.id}.count`)) > 0) found.push(`${p.id}${what}`);
        still = found.join() === before ? still + 1 : 0;
        before = found.join();
      }
      seen.push(before.replaceAll(',', ', '));
      for (const p of ports) for (const [c] of counters) await hosts.write(`${c}${p.id}.reset`);
    }
  } finally {
    sw.stop();
    hosts.stop();
    await Promise.all(running);
    sw.close();
    hosts.close();
  }
  return seen;
}

describe('a host switch', () => {
  it('floods what it does not know and learns', async () => {
    const ports = [port(1), port(2), port(3)];
    const text = switchText('switch', ports, device('l', 'a'));
    expect(
      await traffic('l', text, ports, [
        [1, frame(BROADCAST, 1)],
        [2, frame(mac(1), 2)],
        [1, frame(mac(2), 1)],
        [1, frame(mac(3), 1)],
      ]),
    ).toEqual(['2, 3', '1', '2', '2, 3']);
  });

  it('keeps what it learned when ports come and go', async () => {
    const ports = [port(1), port(2), port(3), port(4)];
    const [one, two, three, four] = ports as [SwitchPort, SwitchPort, SwitchPort, SwitchPort];
    const before = switchText('switch', [one, two, three], device('k', 'a'));
    const after = switchText('switch', [one, null, three, four], device('k', 'a'));
    expect(
      await traffic(
        'k',
        before,
        ports,
        [
          [1, frame(BROADCAST, 1)],
          [3, frame(mac(1), 3)],
          [1, frame(mac(3), 1)],
          [4, frame(BROADCAST, 4)],
        ],
        { after: 2, text: after },
      ),
    ).toEqual(['2, 3', '1', '3', '1, 3']);
  });

  it('keeps VLANs apart and tags them on a trunk', async () => {
    const ports = [port(1, 10), port(2, 10), port(3, 20), port(4, 'trunk'), port(5)];
    const text = switchText('switch', ports, device('v', 'a'));
    expect(
      await traffic('v', text, ports, [
        [1, frame(BROADCAST, 1)],
        [3, frame(BROADCAST, 3)],
        [4, frame(BROADCAST, 4, tagged(10))],
        [4, frame(mac(3), 4, tagged(20))],
        [4, frame(BROADCAST, 4, tagged(30))],
        [1, frame(BROADCAST, 1, tagged(20))],
        [5, frame(BROADCAST, 5)],
        [2, frame(mac(1), 2)],
      ]),
    ).toEqual(['2, 4 tagged 10', '4 tagged 20', '1, 2', '3', '', '', '4', '1']);
  });

  it.each(['switch', 'wire'] as const)('carries frames of 9,216 bytes whole: %s', async (kind) => {
    const tag = `long-${kind}-`;
    const ports = [port(0), port(1)];
    const sw = await Router.create(switchText(kind, ports, device(tag, 'a')));
    const [a, b] = ports.map(device(tag, 'b'));
    const hosts = await Router.create(
      `f :: InfiniteSource(LENGTH 9212, LIMIT 1) -> Queue -> ToDevice(${a}); FromDevice(${a}) -> Discard;
       Idle -> ToDevice(${b}); FromDevice(${b}, SNAPLEN 65535) -> c :: Counter -> Discard;`,
    );
    const running = [sw.run(), hosts.run()];
    try {
      await expect.poll(() => hosts.read('c.byte_count'), { timeout: 10_000 }).toBe('9212');
    } finally {
      for (const r of [hosts, sw]) r.stop();
      await Promise.all(running);
      for (const r of [hosts, sw]) r.close();
    }
  });

  it('is a wire between two ports', async () => {
    const ports = [port(7), port(9)];
    const text = switchText('wire', ports, device('w', 'a'));
    const frames: [number, string][] = [
      [7, frame(mac(9), 7)],
      [9, frame(BROADCAST, 9)],
    ];
    expect(await traffic('w', text, ports, frames)).toEqual(['9', '7']);
  });

  it.each(['switch', 'wire'] as const)('compiles with no port, one, and holes: %s', (kind) => {
    for (const list of [[], [port(3)], [null, port(4), null], [null, port(5, 7)], [port(2, 'trunk')]])
      expect(compilePlan(switchText(kind, list, device('c', 'a')), 'lan').warnings).toEqual([]);
  });
});
