/** Snapshots made to harm: whatever a file says, the monitor ends with one of its statuses or runs a guest that is contained. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Channel, FRAME } from '../../src/control/channel.ts';
import { packagePath } from '../../src/engine/paths.ts';
import { compilePlan } from '../../src/engine/router.ts';

const monitor = packagePath('build', 'monitor', 'clicklet-monitor');
const image = packagePath('build', 'guest', 'clicklet-guest.elf');
const kvm = spawnSync('test', ['-w', '/dev/kvm']).status === 0 && existsSync(monitor);
if (!kvm) console.log('hostile snapshots and requests: skipped: /dev/kvm is not usable, or nothing is built');

/** XXH64 with seed 0 (xxhash_spec.md), written apart from native/monitor/sum.c. */
function xxh64(data: Buffer): bigint {
  const M = (1n << 64n) - 1n;
  const [p1, p2, p3, p4, p5] = [
    0x9e3779b185ebca87n,
    0xc2b2ae3d27d4eb4fn,
    0x165667b19e3779f9n,
    0x85ebca77c2b2ae63n,
    0x27d4eb2f165667c5n,
  ] as const;
  const rotl = (x: bigint, r: bigint) => ((x << r) | (x >> (64n - r))) & M;
  const round = (acc: bigint, v: bigint) => (rotl((acc + v * p2) & M, 31n) * p1) & M;
  let at = 0;
  let h: bigint = p5;
  if (data.length >= 32) {
    let v: bigint[] = [(p1 + p2) & M, p2, 0n, -p1 & M];
    for (; at + 32 <= data.length; at += 32)
      v = v.map((lane, i) => round(lane, data.readBigUInt64LE(at + 8 * i)));
    h = (rotl(v[0]!, 1n) + rotl(v[1]!, 7n) + rotl(v[2]!, 12n) + rotl(v[3]!, 18n)) & M;
    for (const lane of v) h = ((h ^ round(0n, lane)) * p1 + p4) & M;
  }
  h = (h + BigInt(data.length)) & M;
  for (; at + 8 <= data.length; at += 8)
    h = (rotl(h ^ round(0n, data.readBigUInt64LE(at)), 27n) * p1 + p4) & M;
  if (at + 4 <= data.length) {
    h = (rotl(h ^ ((BigInt(data.readUInt32LE(at)) * p1) & M), 23n) * p2 + p3) & M;
    at += 4;
  }
  for (; at < data.length; at++) h = (rotl(h ^ ((BigInt(data[at]!) * p5) & M), 11n) * p1) & M;
  h = ((h ^ (h >> 33n)) * p2) & M;
  h = ((h ^ (h >> 29n)) * p3) & M;
  return h ^ (h >> 32n);
}

/** Numbers that are the same in each run. */
function* numbers(seed: number): Generator<number, never> {
  for (let x = seed; ; ) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    yield x >>> 8;
  }
}

const HEAD_BYTES = 40;
const HEAD_SUM = 48;

describe.skipIf(!kvm)('hostile snapshots and requests', () => {
  let dir: string;
  let good: Buffer;
  const start = async (name: string, ...more: string[]) => {
    const plan = join(dir, `${name}.plan`);
    const text = 'TimedSource(0.01) -> c :: Counter -> q :: Queue(9) -> Discard;';
    writeFileSync(plan, compilePlan(text, 'test.click', { target: 'guest' }).plan);
    const control = join(dir, name);
    const child = spawn(monitor, ['--image', image, '--plan', plan, '--control', control, ...more], {
      stdio: 'ignore',
    });
    return { child, control, channel: await Channel.connect(control, 5000) };
  };
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'clicklet-hostile-'));
    const { child, channel } = await start('source');
    await channel.boot();
    const answer = JSON.parse((await channel.request(FRAME.snapshot, Buffer.from('{}'))).toString());
    copyFileSync(`/proc/${answer.pid}/fd/${answer.fd}`, join(dir, 'good'));
    good = readFileSync(join(dir, 'good'));
    channel.close();
    child.kill('SIGKILL');
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('has a checksum that the specification knows', () => {
    expect(xxh64(Buffer.alloc(0))).toBe(0xef46db3751d8e999n);
    const head = Buffer.from(good.subarray(0, Number(good.readBigUInt64LE(HEAD_BYTES))));
    const sum = head.readBigUInt64LE(HEAD_SUM);
    head.writeBigUInt64LE(0n, HEAD_SUM);
    expect(xxh64(head)).toBe(sum);
  });

  it('survives heads that lie, with right checksums', () => {
    const random = numbers(6);
    const size = Number(good.readBigUInt64LE(HEAD_BYTES));
    const seen = new Map<number | string, number>();
    for (let i = 0; i < 60; i++) {
      const bad = Buffer.from(good);
      // Sizes and places of the header, of registers and of rings in turn.
      const [from, to] = [
        [28, 250],
        [250, 1500],
        [28, size],
      ][i % 3] as [number, number];
      for (let n = 1 + (random.next().value % 3); n > 0; n--) {
        const at = from + (random.next().value % (to - from - 8));
        const values = [0n, 1n, 0xffffffffffffffffn, 1n << 63n, BigInt(random.next().value)];
        bad.writeBigUInt64LE(values[random.next().value % values.length]!, at);
      }
      bad.writeBigUInt64LE(0n, HEAD_SUM);
      const claimed = Number(bad.readBigUInt64LE(HEAD_BYTES));
      const head = bad.subarray(0, claimed <= bad.length ? claimed : size);
      bad.writeBigUInt64LE(xxh64(head), HEAD_SUM);
      writeFileSync(join(dir, 'bad'), bad);
      const r = spawnSync(monitor, ['--restore', join(dir, 'bad'), '--image', image], {
        encoding: 'utf8',
        timeout: 250,
        killSignal: 'SIGTERM',
      });
      const how = r.status ?? r.signal ?? 'none';
      seen.set(how, (seen.get(how) ?? 0) + 1);
      expect([0, 1, 3, 70, 'SIGTERM'], `case ${i}: ${r.stderr}`).toContain(how);
    }
    expect(seen.get(1)).toBeGreaterThan(5); // refused
  });

  it('answers or drops clients that send nonsense, and the router goes on', async () => {
    const random = numbers(7);
    const { child, control, channel } = await start('fuzzed', '--park-dir', dir);
    await channel.boot();
    const { connect } = await import('node:net');
    for (let i = 0; i < 150; i++) {
      const frame = Buffer.alloc(24 + (random.next().value % 300));
      for (let k = 0; k < frame.length; k++) frame[k] = random.next().value & 255;
      if (i % 5) frame.writeUInt32LE(0x464b4c43, 0);
      if (i % 7) frame.writeUInt16LE(1, 4);
      const types = [1, 2, 3, 4, 5, 7, 0x100, 0x102, 0x104, 0x105, 0x106, random.next().value & 0x7fff];
      const type = types[random.next().value % types.length]!;
      frame.writeUInt16LE(type === 6 || type === 0x101 || type === 0x103 ? 99 : type, 6); // not those that end or stop it
      if (i % 3) frame.writeUInt32LE(frame.length - 24, 8);
      const socket = connect(control);
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(frame);
      if (i % 2) await new Promise((resolve) => setTimeout(resolve, 3));
      socket.destroy();
    }
    const before = Number(await channel.read('list').then((t) => t.split('\n')[0]));
    expect(before).toBeGreaterThan(0);
    expect(await channel.request(FRAME.ping, Buffer.from('still here'))).toEqual(Buffer.from('still here'));
    expect(child.exitCode).toBe(null);
    await channel.stop();
    channel.close();
    const [status] = await once(child, 'exit');
    expect(status).toBe(0);
  });
});
