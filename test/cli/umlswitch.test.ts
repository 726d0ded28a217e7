/** UMLSwitch against a switch that sends every frame back: another `click`. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { root } from '../system/hosts.ts';

const click = join(root, 'bin', 'click.js');
let dir: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'clicklet-uml-'));
});
afterEach(async () => {
  if (child?.exitCode === null && child.kill('SIGTERM')) await once(child, 'exit');
  rmSync(dir, { recursive: true, force: true });
});

// The answer to a request, of 124 bytes, is a struct sockaddr_un of 110 with the name of the data socket.
const uml = `
c :: Socket(UNIX, uml.ctl, SNAPLEN 200) -> Print(request, 12) -> Truncate(110)
  -> StoreData(0, \\<0100>) -> StoreData(2, frames) -> StoreData(8, \\<00>) -> c;
d :: Socket(UNIX_DGRAM, frames, CLIENT false) -> Print(frame) -> d;
Script(print "ready");`;
const client = `
u :: UMLSwitch(uml.ctl); InfiniteSource(DATA hello, LIMIT 3) -> Queue -> u -> Print(back) -> Counter(COUNT_CALL 3 stop) -> Discard;
DriverManager(pause, print u.sent, print u.received);`;

it('UMLSwitch says who it is, and sends frames where the switch tells it to', async () => {
  child = spawn(process.execPath, [click, '-e', uml], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  let seen = '';
  child.stderr!.on('data', (text) => {
    seen += text;
  });
  await once(child.stdout!, 'data');
  const run = await promisify(execFile)(process.execPath, [click, '-e', client], {
    cwd: dir,
    timeout: 20_000,
  });
  expect(run.stderr).toBe('back:    5 | 68656c6c 6f\n'.repeat(3));
  expect(run.stdout).toBe('3\n3\n');
  child.kill('SIGTERM');
  await once(child, 'close');
  expect(seen).toBe(`request:  124 | cefaedfe 03000000 00000000\n${'frame:    5 | 68656c6c 6f\n'.repeat(3)}`);
});

it('without a switch it says so', async () => {
  const run = promisify(execFile)(process.execPath, [click, '-e', client], { cwd: dir, timeout: 20_000 });
  await expect(run).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('could not connect to control socket uml.ctl: No such file or directory'),
  });
});
