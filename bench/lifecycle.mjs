// Boot, restore, snapshot, swap and wake of an IP router as a virtual machine, in turn in one run: medians in milliseconds.
// "Forwarded" is from the start of the monitor's process, or from the sending of the frame that wakes a parked router, to
// the frame's arrival on the other side, scheduling of all processes involved included.
//
//   node bench/lifecycle.mjs [--json] [--rounds 30]
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compilePlan, Router } from '../dist/index.js';

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '30' } },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'clicklet-lifecycle-'));
const image = ['--image', join(root, 'build/guest/clicklet-guest.elf')];
const ports = [0, 1].map((n) => `vhost-user:${dir}/s${n}`);
const TYPES = { install: 2, stop: 6, monitorStats: 0x100, snapshot: 0x104, park: 0x105 };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** One request to a monitor's control socket, as native/include/clicklet/channel.h says. */
function request(control, type, payload = Buffer.alloc(0)) {
  const header = Buffer.alloc(24);
  [0x464b4c43, 1 | (TYPES[type] << 16), payload.length, 1].forEach((v, i) => header.writeUInt32LE(v, 4 * i));
  return new Promise((resolve, reject) => {
    let got = Buffer.alloc(0);
    const socket = connect(control, () => socket.write(Buffer.concat([header, payload])));
    socket.on('error', reject);
    socket.on('data', (data) => {
      got = Buffer.concat([got, data]);
      if (got.length < 24 || got.length < 24 + got.readUInt32LE(8)) return;
      const status = got.readUInt32LE(16);
      const body = got.subarray(24);
      if (status) reject(new Error(`${type}: ${body.subarray(16)}`));
      else resolve({ body, close: () => socket.destroy() });
      if (status || type !== 'snapshot') socket.destroy();
    });
  });
}

/** Starts a monitor; when it says `event`, and when its first frame was sent. */
async function start(what, event, name) {
  const control = join(dir, name);
  const began = performance.now();
  const args = [...what, ...ports.flatMap((p) => ['--port', p]), '--control', control, '--park-dir', dir];
  const child = spawn(join(root, 'build/monitor/clicklet-monitor'), [...args, '--events', '3'], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const seen = {};
  const lines = createInterface({ input: child.stdio[3] });
  lines.on('line', (line) => {
    const e = JSON.parse(line);
    seen[e.event] ??= e.bootMs?.configure ?? e.at ?? e.ms;
  });
  while (seen[event] === undefined && child.exitCode === null) await sleep(1);
  if (seen[event] === undefined) throw new Error(`the monitor ended with status ${child.exitCode}`);
  return { control, seen, began, end: () => (child.kill('SIGKILL'), exited) };
}

const text = readFileSync(join(root, 'configs/middleboxes/ip-router.click'), 'utf8');
const router = compilePlan(text, 'ip-router.click', { target: 'guest' });
writeFileSync(join(dir, 'plan'), router.plan);
// Frames through the router, from 10.0.0.2 to 10.0.1.2, which answers the router's ARP queries.
const tester = await Router.create(
  `arp :: ARPResponder(10.0.1.2 02:00:00:00:00:66) -> q1 :: Queue -> ToDevice(1);
   FromDevice(1) -> k :: Classifier(12/0806 20/0001, 12/0800, -); k[0] -> arp; k[1] -> got :: Counter -> Discard; k[2] -> Discard;
   src :: RatedSource(LENGTH 26, RATE 1000, LIMIT 0, ACTIVE false) -> UDPIPEncap(10.0.0.2, 9, 10.0.1.2, 9)
     -> EtherEncap(0x0800, 02:00:00:00:00:65, 02:00:00:00:00:10) -> q0 :: Queue -> ToDevice(0);
   FromDevice(0) -> Discard;`,
  { ports },
);
const running = tester.run();
const figures = {};
const add = (name, ms) => (figures[name] ??= []).push(ms);
let sent = 0;

/** Sends one frame; milliseconds until one more has come out. */
async function oneFrame(before = performance.now()) {
  const had = Number(await tester.read('got.count'));
  await tester.write('src.limit', String(++sent));
  await tester.write('src.active', 'true');
  while (Number(await tester.read('got.count')) === had) {
    if (performance.now() - before > 5000) throw new Error('a frame was lost');
    await sleep(0);
  }
  return performance.now() - before;
}

try {
  const file = join(dir, 'snapshot');
  for (let i = 0; i < Number(values.rounds); i++) {
    const vm = await start([...image, '--plan', join(dir, 'plan')], 'ready', 'vm');
    add('boot: configured', vm.seen.ready);
    await oneFrame();
    add('frame through the running router', await oneFrame());
    const began = performance.now();
    await request(vm.control, 'install', router.plan);
    add('swap: request to answer', performance.now() - began);
    const { body, close } = await request(vm.control, 'snapshot', Buffer.from('{}'));
    const answer = JSON.parse(body.toString());
    add('snapshot: the guest stands still', answer.tookMs);
    copyFileSync(`/proc/${answer.pid}/fd/${answer.fd}`, file);
    close();
    await sleep(5);
    await request(vm.control, 'park');
    add('parked: first frame in to frame out', await oneFrame());
    await vm.end();
    const again = await start(['--restore', file, ...image], 'started', 'again');
    add('restore: running', again.seen.started);
    await again.end();
  }
  const bytes = statSync(file).size;
  const summary = Object.fromEntries(
    Object.entries(figures).map(([name, list]) => {
      const v = list.toSorted((a, b) => a - b);
      return [name, { min: v[0], median: v[Math.floor(v.length / 2)], max: v.at(-1) }];
    }),
  );
  if (values.json) console.log(JSON.stringify({ version: 1, rounds: Number(values.rounds), snapshotBytes: bytes, ms: summary }));
  else {
    for (const [name, { min, median, max }] of Object.entries(summary))
      console.log(`${name.padEnd(38)} ${median.toFixed(2)} ms (${min.toFixed(2)} to ${max.toFixed(2)})`);
    console.log(`snapshot file: ${bytes} bytes`);
  }
} finally {
  tester.stop();
  await running;
  tester.close();
  rmSync(dir, { recursive: true, force: true });
}
