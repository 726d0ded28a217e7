// Beside DPDK's testpmd, on the same two cores in one run, 64-byte frames (60 without the check sequence):
//
//   dpdk        testpmd (net_vhost) on one core, testpmd (net_virtio_user) on the other, 128 frames going round
//   loop        the same of ours: our engine with a vhost-user port on one core, our wire as a virtual machine on
//               the other, 128 frames going round over rings of the same size; on the dynamic engine
//   fused       the same with the engine's router fused
//   clicklet    our generator, which makes and checks each frame, on one core, our wire as a virtual machine on the
//               other
//   guest       testpmd (net_vhost) on one core, our wire as a virtual machine on the other, frames going round
//   backend     our generator on one core, testpmd (net_virtio_user) forwarding on the other
//
// A frame counts once for each time that it was forwarded; where frames go round, that is once a round. dpdk-testpmd is not needed by anything else here; where it is
// missing this says so and ends with status 3. Memory: huge pages where some can be had (given back at the end), else
// --no-huge, which the result names.
//
//   node bench/testpmd.mjs [--json] [--seconds 3] [--repeats 3] [--no-huge] [--only dpdk,clicklet]
//
// Exit status: 0 measured, and in each case as many frames were received as sent but for those under way (and, where
// testpmd forwards what our generator sends at its maximum, but for those that testpmd says it dropped: each of them
// is accounted for); 4 not so.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { giveBackHuge, reserveHuge } from './huge-pages.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '3' },
    repeats: { type: 'string', default: '3' },
    'no-huge': { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const seconds = Number(values.seconds);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const fail = (why) => {
  console.error(`testpmd.mjs: ${why}`);
  process.exit(3);
};
if (spawnSync('dpdk-testpmd', ['--version']).error) fail('there is no dpdk-testpmd here (Debian: apt install dpdk)');
if (cpus().length < 2) fail('two CPUs are needed');

const dir = mkdtempSync(join(tmpdir(), 'clicklet-testpmd-'));
const MEMORY_MB = 256;

const huge = !values['no-huge'] && reserveHuge(MEMORY_MB); // for two testpmds
const memory = huge ? ['--in-memory', '--single-file-segments', '-m', String(MEMORY_MB)] : ['--no-huge', '-m', String(MEMORY_MB)];

/** A testpmd with all its threads on one CPU. */
function testpmd(cpu, prefix, vdevs, options) {
  const args = ['--lcores', `0@${cpu},1@${cpu}`, '--no-pci', '--no-telemetry', ...memory];
  if (!huge) args.push('--file-prefix', `${prefix}${process.pid}`);
  args.push(...vdevs.flatMap((v) => ['--vdev', v]), '--', '--nb-cores=1', '--forward-mode=io', '--total-num-mbufs=16384');
  args.push('--txd=1024', '--rxd=1024', '--burst=32', ...options);
  const child = spawn('dpdk-testpmd', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (text += data));
  const exited = new Promise((resolve) => child.once('exit', resolve));
  return {
    text: () => text,
    async until(pattern, what) {
      for (const end = Date.now() + 20_000; !pattern.test(text); await sleep(20))
        if (child.exitCode !== null || Date.now() > end) throw new Error(`testpmd ${what}:\n${text.slice(-2000)}`);
    },
    exited,
    say: (line) => child.stdin.write(`${line}\n`),
    async end() {
      if (child.exitCode === null) child.kill('SIGINT');
      await Promise.race([exited, sleep(5000)]);
      if (child.exitCode === null) child.kill('SIGKILL');
      await exited;
      return text;
    },
  };
}

const clicklet = (...args) => {
  const r = spawnSync(join(root, 'bin/clicklet'), args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (r.status) throw new Error(`clicklet ${args.join(' ')}: ${r.stderr}`);
  return r.stdout;
};

/** The rates that testpmd printed once a second, those of all its ports together. */
function ratesOf(text, ports) {
  const rates = [...text.matchAll(/Rx-pps:\s+(\d+)/g)].map((m) => Number(m[1]));
  const sums = [];
  for (let i = 0; i + ports <= rates.length; i += ports) sums.push(rates.slice(i, i + ports).reduce((a, b) => a + b, 0));
  return sums;
}
/** Totals at the end, of all ports; dropped: what found no room in a ring. */
function totalsOf(text) {
  const all = text.slice(text.lastIndexOf('Accumulated forward statistics for all ports'));
  const n = (name) => Number(new RegExp(`${name}-packets:\\s+(\\d+)`).exec(all)?.[1] ?? Number.NaN);
  return { rx: n('RX'), tx: n('TX'), dropped: Number(/TX-dropped:\s+(\d+)/.exec(all)?.[1] ?? Number.NaN) };
}
const median = (v) => v.toSorted((a, b) => a - b)[Math.floor(v.length / 2)];
const PACKED = 'packed_vq=1,in_order=1,mrg_rxbuf=0';
const ROUND = 128; // frames that go round, where both testpmd and ours are measured so
const RING = 1024; // descriptors
const MEMORY_OF_RING = '24M'; // a guest of that size makes such rings
const UNDER_WAY = 8 * 1024; // what rings and bursts hold at most
const agree = (a, b) => a > 0 && Math.abs(a - b) <= UNDER_WAY;
const children = new Set();
function giveBack() {
  for (const child of children) child.kill('SIGKILL');
  giveBackHuge();
  rmSync(dir, { recursive: true, force: true });
}
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    giveBack();
    process.exit(130);
  });
let serial = 0;
const socket = () => join(dir, `s${serial++}`);

/** What testpmd said of its seconds, the first and last of which were not whole ones: frames a second. Its output is only
 * complete once it has ended. */
function rateOf(text, ports) {
  const rates = ratesOf(text, ports).filter((pps) => pps > 0);
  if (!rates.length) throw new Error(`testpmd said nothing of its rate:\n${text.slice(-2000)}`);
  return median(rates);
}
const circulate = () => sleep((seconds + 2) * 1000);

/** Our engine's vhost-user port and our wire VM, ROUND frames going round. */
async function loop(engine) {
  const [path, control] = [socket(), socket()];
  const name = `testpmd${process.pid}-${serial}`;
  const guest = join(dir, 'loop.click');
  writeFileSync(guest, 'FromDevice(0) -> c :: Counter -> ToDevice(0);\n');
  const config = `FromDevice(0) -> c :: Counter -> t :: ToDevice(0);
    first :: TimedSource(INTERVAL 200us, DATA \\<${`${'02'.repeat(12)}0800`.padEnd(120, '0')}>, LIMIT ${ROUND}, ACTIVE false) -> t;
    ControlSocket(UNIX, ${control});`;
  const asked = ['c.count', 't.count', 't.drops'];
  const args = ['run', '-e', config, '--engine', engine, '--cpu', '0', '--port', `vhost-user:${path}`, ...asked.flatMap((h) => ['--handler', h])];
  const child = spawn(join(root, 'bin/clicklet'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  const exited = new Promise((resolve) => child.once('close', resolve));
  let out = '', err = '';
  child.stdout.on('data', (d) => (out += d));
  child.stderr.on('data', (d) => (err += d));
  let asking;
  try {
    for (const end = Date.now() + 60_000; !existsSync(path) || !existsSync(control); await sleep(20))
      if (child.exitCode !== null || Date.now() > end) throw new Error(`clicklet run: ${err}`);
    clicklet('boot', guest, '--name', name, '--mem', MEMORY_OF_RING, '--cpu', '1', '-d', '--port', `vhost-user:${path}`);
    asking = await connect(control);
    await asking.say('WRITE first.active true');
    const rates = [];
    for (let before, second = 0; second <= seconds + 1; second++) {
      await sleep(1000);
      const now = { count: Number((await asking.say('READ c.count')).split('\n')[2]), at: performance.now() };
      if (second > 1) rates.push((now.count - before.count) / (now.at - before.at) * 1000); // the first is not a whole one
      before = now;
    }
    child.kill('SIGINT');
    await exited;
    const [received, sent, drops] = asked.map((h) => Number(new RegExp(`^${h}:\\s+(\\d+)`, 'm').exec(out)?.[1]));
    const forwarded = Number(clicklet('handler', name, 'c.count'));
    const under = [sent - forwarded, forwarded - received]; // frames on their way: to the guest, and back
    const agree = drops === 0 && sent - received >= 0 && sent - received <= ROUND && under.every((n) => n >= 0 && n <= ROUND);
    return { pps: median(rates), sent, forwarded, received, dropped: drops, agree };
  } finally {
    asking?.end();
    child.kill('SIGKILL');
    children.delete(child);
    spawnSync(join(root, 'bin/clicklet'), ['rm', '-f', name]);
  }
}

/** A ControlSocket: what it answers to one line after the other. */
async function connect(path) {
  const stream = connectSocket(path);
  let text = '';
  stream.on('data', (d) => (text += d));
  await new Promise((resolve, reject) => stream.once('connect', resolve).once('error', reject));
  const say = async (line) => {
    const end = Date.now() + 10_000;
    text = '';
    stream.write(`${line}\r\n`);
    while (!(line.startsWith('READ') ? /^DATA \d+\r?\n\d/m : /^\d\d\d [^\n]*\n/m).test(text)) {
      if (Date.now() > end) throw new Error(`no answer to ${line}: ${text}`);
      await sleep(1);
    }
    if (!/^200 /m.test(text)) throw new Error(`${line}: ${text}`);
    return text;
  };
  for (let i = 0; i < 1000 && !text.includes('\n'); i++) await sleep(2); // its greeting
  return { say, end: () => stream.destroy() };
}

const cases = {
  async dpdk() {
    const path = socket();
    const vhost = testpmd(0, 'a', [`net_vhost0,iface=${path},queues=1`], ['-i', '--no-flush-rx']);
    let user;
    try {
      await vhost.until(/testpmd> /, 'with net_vhost did not start');
      user = testpmd(1, 'b', [`net_virtio_user0,path=${path},queues=1,${PACKED},queue_size=${RING}`], ['-i', '--no-flush-rx']);
      await user.until(/testpmd> /, 'with net_virtio_user did not start');
      await sleep(500); // the rings are set up
      user.say('start');
      await sleep(500); // it is there before the frames are
      vhost.say(`start tx_first ${ROUND / 32}`);
      const asking = setInterval(() => vhost.say('show port stats all'), 1000);
      await circulate().finally(() => clearInterval(asking));
      vhost.say('stop\nquit');
      user.say('stop\nquit');
      await Promise.race([Promise.all([vhost.exited, user.exited]), sleep(5000)]);
      const theirs = totalsOf(await user.end());
      const text = await vhost.end();
      const ours = totalsOf(text);
      const under = ours.tx - theirs.rx;
      return { pps: rateOf(text, 1), sent: ours.tx, received: theirs.rx, agree: theirs.rx > 0 && under >= 0 && under <= ROUND };
    } finally {
      await user?.end();
      await vhost.end();
    }
  },
  loop: () => loop('dynamic'),
  fused: () => loop('fused'),
  async clicklet() {
    const r = JSON.parse(clicklet('bench', join(root, 'configs/middleboxes/wire.click'), '--rate', 'max', '--duration', String(seconds), '--json'));
    const t = r.trials[0];
    return { pps: t.rxPps, sent: t.txPackets, received: t.rxPackets, agree: t.rxPackets > 0 && t.lossRatio < 0.001, exitsPerMillionPackets: t.exitsPerMillionPackets };
  },
  async guest() {
    const paths = [socket(), socket()];
    const name = `testpmd${process.pid}-${serial}`;
    const vhost = testpmd(0, 'a', paths.map((p, i) => `net_vhost${i},iface=${p},queues=1`), ['-i']);
    try {
      await vhost.until(/testpmd> /, 'with net_vhost did not start');
      clicklet('boot', join(root, 'configs/middleboxes/wire.click'), '--name', name, '--cpu', '1', '-d', ...paths.flatMap((p) => ['--port', `vhost-user:${p}`]));
      vhost.say('start tx_first 32'); // only now is there somebody to send to
      const asking = setInterval(() => vhost.say('show port stats all'), 1000);
      await circulate().finally(() => clearInterval(asking));
      vhost.say('stop\nquit'); // what it prints is only complete once it has ended
      await Promise.race([vhost.exited, sleep(5000)]);
      const text = await vhost.end();
      const { rx, tx } = totalsOf(text);
      const counts = ['c0', 'c1'].map((c) => Number(clicklet('handler', name, `${c}.count`)));
      const forwarded = counts[0] + counts[1];
      return { pps: rateOf(text, 2), sent: tx, received: rx, forwarded, agree: agree(tx, forwarded) && agree(rx, forwarded) };
    } finally {
      await vhost.end();
      spawnSync(join(root, 'bin/clicklet'), ['rm', '-f', name]);
    }
  },
  async backend() {
    const paths = [socket(), socket()];
    const bench = spawn(join(root, 'bin/clicklet'), ['bench', join(root, 'configs/middleboxes/wire.click'), '--dut', `vhost-user:${paths.join(',')}`, '--rate', 'max', '--duration', String(seconds), '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '', err = '';
    bench.stdout.on('data', (d) => (out += d));
    bench.stderr.on('data', (d) => (err += d));
    const exited = new Promise((resolve) => bench.once('exit', resolve));
    for (const end = Date.now() + 20_000; !paths.every((p) => existsSync(p)); await sleep(20))
      if (bench.exitCode !== null || Date.now() > end) throw new Error(`clicklet bench: ${err}`);
    const user = testpmd(1, 'b', paths.map((p, i) => `net_virtio_user${i},path=${p},queues=1,${PACKED},queue_size=${RING}`), ['-i']);
    try {
      await user.until(/testpmd> /, 'with net_virtio_user did not start');
      user.say('start');
      if (await exited) throw new Error(`clicklet bench: ${err}\n${user.text().slice(-1500)}`);
      const t = JSON.parse(out).trials[0];
      user.say('stop\nquit');
      await Promise.race([user.exited, sleep(5000)]);
      // testpmd drops, and counts, what finds no room, also of the frames that warm up: nothing else may be missing
      const { rx, tx, dropped } = totalsOf(await user.end());
      const lost = t.txPackets - t.rxPackets;
      return { pps: t.rxPps, sent: t.txPackets, received: t.rxPackets, dropped, agree: t.rxPackets > 0 && lost >= 0 && lost <= dropped && rx - tx === dropped };
    } finally {
      bench.kill('SIGKILL');
      await user.end();
    }
  },
};

const results = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
try {
  for (let i = 0; i < Number(values.repeats); i++)
    for (const [name, run] of Object.entries(cases))
      if (!values.only || values.only.split(',').includes(name)) results[name].push(await run());
} finally {
  giveBack();
}

const dpdk = median(results.dpdk.map((r) => r.pps));
const summary = Object.fromEntries(
  Object.entries(results).filter(([, list]) => list.length).map(([name, list]) => {
    const pps = list.map((r) => r.pps);
    const exits = list.map((r) => r.exitsPerMillionPackets).filter((x) => typeof x === 'number');
    return [
      name,
      {
        mpps: { median: median(pps) / 1e6, min: Math.min(...pps) / 1e6, max: Math.max(...pps) / 1e6 },
        toDpdk: median(pps) / dpdk,
        agree: list.every((r) => r.agree),
        ...(exits.length ? { exitsPerMillionPackets: median(exits) } : {}),
        runs: list,
      },
    ];
  }),
);
const what = {
  dpdk: 'testpmd net_vhost, testpmd net_virtio_user',
  loop: 'our engine (dynamic), our wire VM',
  fused: 'our engine (fused), our wire VM',
  clicklet: 'our generator, our wire VM',
  guest: 'testpmd net_vhost, our wire VM',
  backend: 'our generator, testpmd net_virtio_user',
};
if (values.json)
  console.log(JSON.stringify({ version: 1, kind: 'testpmd', memory: huge ? 'huge pages' : '--no-huge', seconds, results: summary }, null, 2));
else {
  console.log(`64-byte frames, testpmd's memory: ${huge ? 'huge pages' : '--no-huge'}`);
  for (const [name, s] of Object.entries(summary)) {
    const exits = s.exitsPerMillionPackets === undefined ? '' : `; ${s.exitsPerMillionPackets.toFixed(1)} exits a million`;
    console.log(
      `${what[name].padEnd(44)} ${s.mpps.median.toFixed(2)} Mpps (${s.mpps.min.toFixed(2)} to ${s.mpps.max.toFixed(2)}), ${s.toDpdk.toFixed(2)} of DPDK's; counts ${s.agree ? 'agree' : 'DO NOT AGREE'}${exits}`,
    );
  }
}
if (!Object.values(summary).every((s) => s.agree)) process.exitCode = 4;
