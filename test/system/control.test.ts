/** The control channel of virtual routers: large values and values that are no text, many clients, slow ones. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Channel } from '../../src/control/channel.ts';
import { compilePlan } from '../../src/engine/router.ts';
import { bootVm, type Vm } from '../../src/vm/boot.ts';
import { clicklet } from './hosts.ts';
import { Sandbox } from './sandbox.ts';

const kvm = spawnSync('test', ['-w', '/dev/kvm']).status === 0;
if (!kvm) console.log('the control channel of virtual routers: skipped: /dev/kvm is not usable');

const MEGABYTE = 1 << 20;

/** A request as native/include/clicklet/channel.h has it: READ. */
function readRequest(handler: string, id: number): Buffer {
  const payload = Buffer.from(`${handler}\0\0`);
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0x464b4c43, 0);
  header.writeUInt16LE(1, 4);
  header.writeUInt16LE(3, 6);
  header.writeUInt32LE(payload.length, 8);
  header.writeUInt32LE(id, 12);
  return Buffer.concat([header, payload]);
}

/** Reads until so many bytes have come. */
async function receive(socket: Socket, bytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of socket) {
    parts.push(part as Buffer);
    if (parts.reduce((n, p) => n + p.length, 0) >= bytes) break;
  }
  return Buffer.concat(parts);
}

describe.skipIf(!kvm)('the control channel', () => {
  let box: Sandbox;
  let vm: Vm;
  const value = 'a value of a megabyte\n'.repeat(MEGABYTE).slice(0, MEGABYTE);
  const path = () => join(box.state, 'r', 'control');
  beforeAll(async () => {
    box = new Sandbox();
    process.env.CLICKLET_STATE = box.state;
    const configuration = compilePlan(
      'src :: InfiniteSource(DATA "x", LIMIT 0) -> c :: Counter -> Discard;',
      'test.click',
      { target: 'guest' },
    );
    vm = await bootVm({ name: 'r', configuration, file: 'test.click', vmm: 'kvm', memBytes: 12 << 20 });
    await vm.write('src.data', value);
  });
  afterAll(async () => {
    await vm.stop();
    delete process.env.CLICKLET_STATE;
    box.remove();
  });
  const console = (input: Buffer) =>
    spawnSync(process.execPath, [clicklet, 'console', 'r'], { env: box.env, input, maxBuffer: 8 * MEGABYTE });

  it('answers all of many requests at once, though the answers have no room in the guest together', async () => {
    const REQUESTS = 40;
    const socket = connect(path());
    socket.write(Buffer.concat(Array.from({ length: REQUESTS }, (_, i) => readRequest('src.data', i))));
    const all = await receive(socket, REQUESTS * (MEGABYTE + 24));
    expect(all.length).toBe(REQUESTS * (MEGABYTE + 24));
    for (let i = 0; i < REQUESTS; i++) {
      const frame = all.subarray(i * (MEGABYTE + 24));
      expect([frame.readUInt32LE(12), frame.readUInt32LE(16)]).toEqual([i, 0]);
      expect(frame.subarray(24, 24 + MEGABYTE).equals(Buffer.from(value))).toBe(true);
    }
  });

  it('serves others while one does not read its answers, and that one later', async () => {
    const slow = connect(path()).pause();
    slow.write(Buffer.concat([0, 1, 2, 3, 4, 5, 6, 7].map((i) => readRequest('src.data', i))));
    for (let i = 0; i < 20; i++) expect(await vm.read('c.count')).toBe('0');
    expect((await receive(slow, 8 * (MEGABYTE + 24))).length).toBe(8 * (MEGABYTE + 24));
  });

  it('has more clients wait in line than it has room for', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const channel = await Channel.connect(path(), 2000);
        try {
          return await channel.read('c.count');
        } finally {
          channel.close();
        }
      }),
    );
    expect(answers).toEqual(Array(100).fill('0'));
  });

  it('keeps the newest lines of a guest that writes and writes', async () => {
    const LINES = 60_000; // of 100 bytes: more than the 4 MiB that a log may have
    const text = `InfiniteSource(LIMIT ${LINES}, STOP true)
      -> Script(TYPE PACKET, init i 0, set i $(add $i 1), print "$(sprintf %07d $i) ${'x'.repeat(91)}") -> Discard;`;
    const configuration = compilePlan(text, 'noisy.click', { target: 'guest' });
    const noisy = await bootVm({ name: 'noisy', configuration, file: 'noisy.click', vmm: 'kvm' });
    await noisy.exited;
    noisy.close();
    const log = readFileSync(join(box.state, 'noisy', 'log'), 'utf8');
    expect(log.length).toBeLessThanOrEqual(4 << 20);
    const [first, ...lines] = log.trimEnd().split('\n');
    expect(first).toBe('[older lines were dropped]');
    expect(lines.length).toBeGreaterThan(10_000);
    const numbers = lines.map((l) => Number(l.slice(0, 7)));
    expect(numbers).toEqual(lines.map((_, i) => LINES - lines.length + 1 + i));
    expect(box.run('rm', 'noisy').status).toBe(0);
  });

  it('takes and gives bytes that are no text, on the console and by the command line', () => {
    // Every byte but NUL, newlines and all; quotes, so that it is one argument.
    const bytes = Buffer.from([0x22, ...Array.from({ length: 255 }, (_, i) => i + 1), 0x22]);
    const ask = (text: string) => Buffer.from(text);
    const talk = console(
      Buffer.concat([ask(`WRITEDATA src.data ${bytes.length}\n`), bytes, ask('READ src.data\n')]),
    );
    expect(talk.stdout.subarray(-bytes.length - 10)).toEqual(
      Buffer.concat([ask(`DATA ${bytes.length}\r\n`), bytes]),
    );
    expect(talk.status).toBe(0);
    const read = spawnSync(process.execPath, [clicklet, 'handler', 'r', 'src.data'], { env: box.env });
    expect(read.stdout).toEqual(Buffer.concat([bytes, ask('\n')]));
    const large = console(
      Buffer.from(
        `WRITEDATA src.data ${value.length}\n${value}READ src.data\nWRITE src.data äö\nREAD src.data`,
      ),
    );
    expect(large.stdout.length).toBeGreaterThan(MEGABYTE);
    expect(large.stdout.includes(`DATA ${MEGABYTE}\r\n${value}200 Write`)).toBe(true);
    expect(large.stdout.toString().endsWith('DATA 4\r\näö')).toBe(true);
  });
});
