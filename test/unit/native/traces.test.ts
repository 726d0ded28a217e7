/** Elements of the host that conformance cases cannot show: text dumps of several buffers, messages on a socket, raw
 * sockets. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { root } from '../../system/hosts.ts';

const directory = mkdtempSync(join(tmpdir(), 'clicklet-traces-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const click = join(root, 'bin', 'click.js');

it('a text dump of several buffers is read to its end', () => {
  const lines = Array.from({ length: 20000 }, (_, i) => `1.0.0.${i % 250} ${i}\n`);
  writeFileSync(join(directory, 'big.txt'), `!data ip_src ip_id\n${lines.join('')}`);
  const config =
    'FromIPSummaryDump(big.txt, STOP true) -> c :: Counter -> Discard; DriverManager(wait, print c.count)';
  const out = execFileSync(process.execPath, [click, '-e', config], { cwd: directory, encoding: 'utf8' });
  expect(out).toBe('20000\n');
});

it('ChatterSocket greets and sends what Print writes', async () => {
  const socket = join(directory, 'chatter');
  const config = `ChatterSocket(UNIX, ${socket}); RatedSource(DATA "hello", RATE 100) -> Print(m) -> Discard; Script(print "ready")`;
  const child = spawn(process.execPath, [click, '-e', config], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await once(child.stdout, 'data');
    const client = connect(socket).setEncoding('latin1');
    let text = '';
    client.on('data', (data) => {
      text += data;
    });
    const expected = 'Click::ChatterSocket/1.0\r\nm:    5 | 68656c6c 6f\nm:    5 | 68656c6c 6f\n';
    while (text.length < expected.length) await once(client, 'data');
    expect(text.slice(0, expected.length)).toBe(expected);
    client.destroy();
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
});

const raw = process.getuid?.() === 0;
if (!raw) console.log('raw sockets: skipped: needs root');
it.runIf(raw)('RawSocket receives what ToRawSocket sends', () => {
  const config = `InfiniteSource(DATA "hello", LIMIT 2) -> UDPIPEncap(127.0.0.1, 39052, 127.0.0.9, 39053)
      -> Queue -> ToRawSocket(UDP, 39052);
    RawSocket(UDP, 39053) -> IPClassifier(dst udp port 39053)
      -> ToIPSummaryDump(-, CONTENTS ip_src sport ip_dst dport payload, HEADER false)
      -> Counter(COUNT_CALL 2 stop) -> Discard; DriverManager(wait 5s);`;
  const out = execFileSync(process.execPath, [click, '-e', config], { encoding: 'utf8' });
  expect(out).toBe('127.0.0.1 39052 127.0.0.9 39053 "hello"\n'.repeat(2));
});
