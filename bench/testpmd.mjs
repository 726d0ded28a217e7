// Beside DPDK's testpmd, on the same two cores in one run, 64-byte frames (60 without the check sequence):
//
//   dpdk        testpmd (net_vhost) on one core, testpmd (net_virtio_user) on the other, frames going round
//   clicklet    our generator on one core, our wire as a virtual machine on the other
//   guest       testpmd (net_vhost) on one core, our wire as a virtual machine on the other, frames going round
//   backend     our generator on one core, testpmd (net_virtio_user) forwarding on the other
//
// A frame counts once for each time that it was forwarded. dpdk-testpmd is not needed by anything else here; where it is
// missing this says so and ends with status 3. Memory: huge pages where some can be had (given back at the end), else
// --no-huge, which the result names.
//
//   node bench/testpmd.mjs [--json] [--seconds 3] [--repeats 3] [--no-huge] [--only dpdk,clicklet]
//
// Exit status: 0 measured, and in each case as many frames were received as sent but for those under way (and, where
// testpmd forwards what our generator sends at its maximum, 2 % that it may drop); 4 not so.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

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
const HUGE = '/proc/sys/vm/nr_hugepages';
const MEMORY_MB = 256;
let hugeBefore;

/** Huge pages for two testpmds; false if they cannot be had. */
function reserveHuge() {
  if (values['no-huge'] || !existsSync(HUGE)) return false;
  hugeBefore = readFileSync(HUGE, 'utf8');
  const want = Number(hugeBefore) + MEMORY_MB;
  try {
    writeFileSync(HUGE, String(want));
  } catch {
    return false;
  }
  return Number(readFileSync(HUGE, 'utf8')) >= want;
}
const huge = reserveHuge();
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
/** Totals at the end: [RX, TX] of all ports. */
function totalsOf(text) {
  const all = text.slice(text.lastIndexOf('Accumulated forward statistics for all ports'));
  const n = (name) => Number(new RegExp(`${name}-packets:\\s+(\\d+)`).exec(all)?.[1] ?? Number.NaN);
  return { rx: n('RX'), tx: n('TX') };
}
const median = (v) => v.toSorted((a, b) => a - b)[Math.floor(v.length / 2)];
const PACKED = 'packed_vq=1,in_order=1,mrg_rxbuf=0,queue_size=1024';
const UNDER_WAY = 8 * 1024; // what rings and bursts hold at most
const agree = (a, b) => a > 0 && Math.abs(a - b) <= UNDER_WAY;
const children = new Set();
function giveBack() {
  for (const child of children) child.kill('SIGKILL');
  if (hugeBefore !== undefined && huge) writeFileSync(HUGE, hugeBefore.trim());
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

const cases = {
  async dpdk() {
    const path = socket();
    const vhost = testpmd(0, 'a', [`net_vhost0,iface=${path},queues=1`], ['--stats-period=1', '--tx-first']);
    let user;
    try {
      await vhost.until(/Press enter|Port statistics|NIC statistics|start packet forwarding/i, 'with net_vhost did not start');
      user = testpmd(1, 'b', [`net_virtio_user0,path=${path},queues=1,${PACKED}`], ['--stats-period=1', '--tx-first']);
      await user.until(/NIC statistics/, 'with net_virtio_user did not start');
      await circulate();
      const theirs = totalsOf(await user.end());
      const text = await vhost.end();
      const ours = totalsOf(text);
      return { pps: rateOf(text, 1), sent: ours.tx, received: theirs.rx, agree: agree(ours.tx, theirs.rx) };
    } finally {
      await user?.end();
      await vhost.end();
    }
  },
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
    const user = testpmd(1, 'b', paths.map((p, i) => `net_virtio_user${i},path=${p},queues=1,${PACKED}`), ['--stats-period=1']);
    try {
      if (await exited) throw new Error(`clicklet bench: ${err}\n${user.text().slice(-1500)}`);
      const t = JSON.parse(out).trials[0];
      // testpmd drops what it finds no room for
      return { pps: t.rxPps, sent: t.txPackets, received: t.rxPackets, agree: t.rxPackets > 0 && t.lossRatio < 0.02 };
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
