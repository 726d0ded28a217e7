/** `click` with control connections: -p, -u, --socket, and a new configuration by -R. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type NetConnectOpts, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { root } from '../system/hosts.ts';

let dir: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'clicklet-control-'));
});
afterEach(async () => {
  if (child?.exitCode === null && child.kill('SIGTERM')) await once(child, 'exit');
  child = undefined;
  rmSync(dir, { recursive: true, force: true });
});

/** Start `click`; resolves when it runs, which it says by printing. */
async function start(args: string[], stdio: (number | object)[] = []): Promise<void> {
  const config = 'Idle -> c :: Counter -> Discard; Script(print "ready")';
  const words = [join(root, 'bin', 'click.js'), '-e', config, ...args];
  child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit', ...(stdio as never[])] });
  await once(child.stdout!, 'data');
}

/** A client of the control protocol that speaks and reads what comes back, until `end`. */
class Client {
  readonly #socket = new Socket();
  #text = '';
  constructor(where: NetConnectOpts) {
    this.#socket.setEncoding('latin1').connect(where);
    this.#socket.on('data', (data) => {
      this.#text += data;
    });
  }
  async until(end: RegExp): Promise<string> {
    while (!end.test(this.#text)) await once(this.#socket, 'data');
    const text = this.#text;
    this.#text = '';
    return text;
  }
  ask(command: string, end: RegExp): Promise<string> {
    this.#socket.write(command);
    return this.until(end);
  }
  async reconfigure(text: string): Promise<string> {
    return this.ask(`WRITEDATA hotconfig ${text.length}\n${text}`, /^\d+ .*\r\n$/m);
  }
  close() {
    this.#socket.destroy();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

it('a new configuration keeps its clients; one that fails is answered with why', async () => {
  const port = await freePort();
  await start(['-R', '-p', String(port)]);
  const client = new Client({ host: '127.0.0.1', port });
  expect(await client.until(/\r\n/)).toBe('Click::ControlSocket/1.3\r\n');
  expect(await client.reconfigure('Idle -> Disc;')).toMatch(
    /^520-Write handler 'hotconfig' error:\r\n520-config:1:9: error: undeclared element 'Disc'\r\n/,
  );
  expect(await client.reconfigure('\nFromDump(/nonexistent) -> Discard;')).toContain(
    "520-config:2:1: error: 'FromDump@1 :: FromDump': /nonexistent: No such file or directory\r\n",
  );
  expect(await client.ask('READ list\n', /DATA[\s\S]*Control.*\n/)).toContain(
    '\r\n5\nIdle@1\nc\nDiscard@3\n',
  );
  expect(await client.reconfigure('Idle -> d :: Discard;')).toBe("200 Write handler 'hotconfig' OK\r\n");
  expect(await client.ask('READ config\n', /;$/)).toBe(
    "200 Read handler 'config' OK\r\nDATA 21\r\nIdle -> d :: Discard;",
  );
  // The listening socket moved over, too.
  const second = new Client({ host: '127.0.0.1', port });
  expect(await second.until(/\r\n/)).toBe('Click::ControlSocket/1.3\r\n');
  second.close();
  client.close();
});

const SWITCH = 'Idle -> s :: Switch(1) -> Discard; s[1] -> Discard;';
it.each([
  `WRITE hotconfig ${SWITCH}\n`,
  `WRITEDATA hotconfig ${SWITCH.length}\n${SWITCH}`,
  `WRITEUNTIL hotconfig END\n${SWITCH}\nEND\n`,
])('what is sent behind a new configuration is answered by that one: %j', async (write) => {
  const port = await freePort();
  await start(['-R', '-p', String(port)]);
  const client = new Client({ host: '127.0.0.1', port });
  await client.until(/Click::ControlSocket/);
  const all = await client.ask(
    `${write}READ s.config\nWRITE s.switch 0\nREAD s.switch\n`,
    /s.switch' OK\r\nDATA 1\r\n.$/,
  );
  expect(all.replace(/\r\n/g, '\n')).toBe(
    "200 Write handler 'hotconfig' OK\n200 Read handler 's.config' OK\nDATA 1\n1" +
      "200 Write handler 's.switch' OK\n200 Read handler 's.switch' OK\nDATA 1\n0",
  );
  client.close();
});

it('a client that does not read its answers does not make them pile up, and gets them all later', async () => {
  const READS = 1000;
  const port = await freePort();
  await start(['-R', '-p', String(port)]);
  const client = new Client({ host: '127.0.0.1', port });
  await client.until(/Click::ControlSocket/);
  const text = `Idle -> c :: Counter -> Discard; //${'x'.repeat(100_000)}`;
  expect(await client.reconfigure(text)).toBe("200 Write handler 'hotconfig' OK\r\n");
  const memory = () =>
    1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child!.pid}/status`, 'utf8'))![1]);
  const before = memory();
  const slow = new Socket().pause().connect({ host: '127.0.0.1', port });
  slow.write('READ config\n'.repeat(READS));
  for (
    let i = 0;
    i < 20;
    i++ // meanwhile the others are served
  )
    expect(await client.ask('READ c.count\n', /DATA 1\r\n0$/)).toContain('200 Read');
  expect(memory() - before).toBeLessThan(30e6);
  const one = `200 Read handler 'config' OK\r\nDATA ${text.length}\r\n${text}`.length;
  let left = 'Click::ControlSocket/1.3\r\n'.length + READS * one;
  for await (const part of slow) {
    left -= (part as Buffer).length;
    if (left <= 0) break;
  }
  expect(left).toBe(0);
  client.close();
});

it('LLRPCs for counts and switches', async () => {
  const port = await freePort();
  await start(['-p', String(port)]);
  const client = new Client({ host: '127.0.0.1', port });
  await client.until(/Click::ControlSocket/);
  expect(await client.ask('LLRPC c#C004C003 4\n\x01\0\0\0', /DATA 4\r\n....$/s)).toBe(
    "200 LLRPC 'c#C004C003' OK\r\nDATA 4\r\n\0\0\0\0",
  );
  expect(await client.ask('LLRPC c#C004C003 4\n\x02\0\0\0', /\r\n/)).toContain('522 LLRPC');
  expect(await client.ask('LLRPC c#80044006 3\nabc', /\r\n/)).toBe(
    "522 LLRPC 'c#80044006' requires 4 bytes input data\r\n",
  );
  expect(await client.ask('LLRPC c#8004\n', /\r\n/)).toBe("501 Cannot call LLRPC 'c#8004' remotely\r\n");
  client.close();
});

it('several sockets at once, of each kind', async () => {
  const path = join(dir, 'control');
  const inherited = createServer().listen(0, '127.0.0.1');
  await once(inherited, 'listening');
  const { port: inheritedPort } = inherited.address() as AddressInfo;
  const port = await freePort();
  // Descriptor 3 of the child is the server's; it has a file descriptor of its own from then on.
  const { fd } = (inherited as unknown as { _handle: { fd: number } })._handle;
  await start(['-p', String(port), '-u', path, '--socket', '3'], [fd]);
  for (const where of [{ host: '127.0.0.1', port }, { path }, { host: '127.0.0.1', port: inheritedPort }]) {
    if ('port' in where && where.port === inheritedPort) inherited.close();
    const client = new Client(where as NetConnectOpts);
    await client.until(/Click::ControlSocket/);
    expect(await client.ask('READ c.count\n', /DATA 1\r\n0$/)).toBe(
      "200 Read handler 'c.count' OK\r\nDATA 1\r\n0",
    );
    client.close();
  }
});
