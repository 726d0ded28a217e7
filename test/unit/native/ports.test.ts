/** Packet ports of the host: what is said when they cannot be had, and frames through a TAP and a packet socket. */

import { accessSync, constants, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { compilePlan, Router } from '../../../src/engine/router.ts';

const directory = mkdtempSync(join(tmpdir(), 'clicklet-ports-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const routers: Router[] = [];
afterEach(() => {
  for (const r of routers.splice(0)) r.close();
});
async function start(configuration: string, ports: string[] = []): Promise<Router> {
  const router = await Router.create(configuration, { ports });
  routers.push(router);
  void router.run();
  return router;
}

/** Poll until `value` gives at least `least`. */
async function reaches(value: () => Promise<string>, least: number): Promise<number> {
  const end = Date.now() + 5000;
  let n = Number(await value());
  while (n < least && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    n = Number(await value());
  }
  return n;
}

const refusal = (configuration: string, ports: string[] = []) =>
  start(configuration, ports).then(
    () => 'accepted',
    (e: Error) => e.message,
  );

const root = process.getuid?.() === 0;

describe('ports that cannot be had', () => {
  it('port numbers', async () => {
    expect(await refusal('FromDevice(0) -> Discard;')).toContain(
      'port 0 does not exist: the router was given no ports',
    );
    expect(await refusal('FromDevice(1) -> Discard;', ['lo'])).toContain(
      'port 1 does not exist: the router has port 0 only',
    );
    expect(await refusal('Idle -> ToDevice(2);', ['lo', 'lo'])).toContain(
      'port 2 does not exist: the router has ports 0 and 1',
    );
  });
  it('interfaces', async () => {
    expect(await refusal('FromDevice(nope0) -> Discard;')).toContain('nope0: there is no such interface');
    expect(await refusal('Idle -> ToDevice(tap:a-name-that-is-too-long);')).toContain(
      'not the name of an interface',
    );
  });
  it('sockets', async () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    expect(await refusal(`Idle -> ToDevice(vhost-user:${file});`)).toContain('exists and is not a socket');
    expect(await refusal('Idle -> ToDevice(vhost-user:/nonexistent/x);')).toContain(
      'cannot listen at /nonexistent/x: No such file or directory',
    );
    const socket = join(directory, 'socket');
    const first = await start(`Idle -> ToDevice(vhost-user:${socket});`);
    expect(statSync(socket).isSocket()).toBe(true);
    expect(await refusal(`Idle -> ToDevice(vhost-user:${socket});`)).toContain(
      'is in use by another process',
    );
    first.close();
    routers.pop();
    expect(existsSync(socket)).toBe(false);
  });
  it('a missing one that is allowed to be missing', async () => {
    const r = await start('s :: InfiniteSource(LIMIT 10) -> t :: ToDevice(nope0, ALLOW_NONEXISTENT true);');
    expect(await reaches(() => r.read('s.count'), 10)).toBe(10);
    expect(await r.read('t.count')).toBe('0');
  });
  it.skipIf(!root)('two readers', async () => {
    expect(await refusal('FromDevice(lo) -> Discard; FromDevice(lo) -> Discard;')).toContain(
      "duplicate reader for device 'lo'",
    );
  });
});

it('a port without the other side holds a source back and loses nothing', async () => {
  const r = await start(
    `s :: InfiniteSource(LIMIT 1000) -> t :: ToDevice(vhost-user:${join(directory, 'v')});`,
  );
  expect(await reaches(() => r.read('s.count'), 1)).toBeLessThan(1000);
  expect(await r.read('t.drops')).toBe('0');
  expect(await r.read('t.q')).toBe('true');
});

const tun = () => {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return root;
  } catch {
    return false;
  }
};

describe.skipIf(!tun())('a TAP and a packet socket on its other side', () => {
  const name = `ctest${process.pid % 100000}`;
  const data = (type: string) => `DATA \\<02000000000102000000000208${type.slice(2)} ${'00'.repeat(50)}>`;

  it('frames both ways, push and pull; a swap keeps counts and frames', async () => {
    const inside = `f :: FromDevice(tap:${name}) -> c :: Counter -> Discard;
      s :: InfiniteSource(${data('0x00')}, LIMIT 1000, ACTIVE false) -> t :: ToDevice(tap:${name});`;
    const a = await start(inside);
    const b = await start(
      `f :: FromDevice(0, PROTOCOL 0x800) -> c :: Counter -> Discard;
      s :: InfiniteSource(${data('0x00')}, LIMIT 500, ACTIVE false) -> Queue(1000) -> t :: ToDevice(0);`,
      [name],
    );
    await a.write('s.active', 'true');
    expect(await reaches(() => b.read('c.count'), 1000)).toBe(1000);
    expect(await a.read('t.count')).toBe('1000');
    await b.write('s.active', 'true');
    expect(await reaches(() => a.read('c.count'), 500)).toBeGreaterThanOrEqual(500);
    expect(await b.read('t.count')).toBe('500');

    await expect(a.swap(compilePlan('FromDevice(nope0) -> Discard;', 'config'))).rejects.toThrow(
      'no such interface',
    );
    await a.swap(compilePlan(inside.replace('LIMIT 1000, ACTIVE false', 'LIMIT 77'), 'config'));
    expect(Number(await a.read('f.count'))).toBeGreaterThanOrEqual(500);
    expect(await reaches(() => b.read('c.count'), 1077)).toBe(1077);
    expect(await refusal(`Idle -> ToDevice(tap:${name}); FromDevice(nope0) -> Discard;`)).toContain(
      'in use by another process',
    );
  });

  it('puts VLAN tags back', async () => {
    const a =
      await start(`s :: InfiniteSource(DATA \\<020000000001 020000000002 8100 2005 0800 ${'00'.repeat(50)}>,
      LIMIT 20, ACTIVE false) -> ToDevice(tap:${name});`);
    const b = await start(`f :: FromDevice(${name}, PROTOCOL 0x8100) -> c :: Counter -> Discard;`);
    await a.write('s.active', 'true');
    expect(await reaches(() => b.read('c.count'), 20)).toBe(20);
    expect(Number(await b.read('c.byte_count'))).toBe(20 * 68);
  });
});
