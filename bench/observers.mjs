// How far the generator's counts are from those of independent observers, at low and at high rates: testpmd's
// statistics behind vhost-user, the kernel's counters behind TAP devices that a bridge joins.
//   node bench/observers.mjs [testpmd] [tap] [--seconds 3] [--repeats 3] [--json]
// Exit status: 0 all agree (to the packet at 1000 packets a second, within 0.1 % else), 1 not, 3 the host lacks something.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { giveBackHuge, reserveHuge } from './huge-pages.mjs';

const clicklet = join(resolve(dirname(fileURLToPath(import.meta.url)), '..'), 'bin', 'clicklet.js');
const { values: o, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '3' },
    repeats: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});
const observers = positionals.length ? positionals : ['testpmd', 'tap'];
const TOLERANCE = 0.001;
const LOW = '1000';
const MEMORY_MB = 256;
// Pages of 2 MiB, for rates that a testpmd without them does not reach.
const huge = observers.includes('testpmd') && reserveHuge(MEMORY_MB / 2);
process.on('exit', giveBackHuge);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

const text = (child) => {
  let all = '';
  child.stdout.on('data', (d) => {
    all += d;
  });
  return new Promise((done) => child.on('close', () => done(all)));
};

const pktgen = (prefix, dut, rate, end) =>
  spawn(
    prefix[0] ?? process.execPath,
    [
      ...prefix.slice(1),
      ...(prefix.length ? [process.execPath] : []),
      ...[clicklet, 'pktgen', '--dut', dut, '--rate', rate, ...end, '--json', '--cpu', '0'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );

/** testpmd forwards between two ports of the generator; its totals are those since it started. */
async function testpmd(rate) {
  const folder = mkdtempSync(join(tmpdir(), 'clicklet-observers-'));
  const sockets = [join(folder, 'a'), join(folder, 'b')];
  let child;
  try {
    // Nothing can be sent until testpmd is there: the number of frames ends the run, not the time.
    const count = Math.round((rate === LOW ? 1000 : 5e6) * Number(o.seconds));
    const generator = pktgen([], `vhost-user:${sockets.join(',')}`, rate, [
      '--count',
      String(count),
      '--duration',
      '60',
    ]);
    const result = text(generator);
    for (let i = 0; i < 500 && !sockets.every((s) => existsSync(s)); i++) await sleep(20);
    // testpmd sets its ports up in turn. The generator sends through the last one: then all are there.
    const ports = sockets.toReversed().flatMap((path, i) => [
      '--vdev',
      `net_virtio_user${i},path=${path},queues=1,queue_size=1024,packed_vq=1,in_order=1,mrg_rxbuf=0`,
    ]);
    child = spawn(
      'dpdk-testpmd',
      [
        '--no-pci',
        ...(huge ? ['--in-memory', '--single-file-segments'] : ['--no-huge']),
        '-m',
        String(MEMORY_MB),
        ...ports,
        '-l',
        '0,1',
        '--',
        '--total-num-mbufs=8192',
        '--auto-start',
      ],
      { stdio: ['pipe', 'pipe', 'ignore'] },
    );
    const said = text(child);
    const { trials } = JSON.parse(await result);
    child.stdin.write('\n');
    const counts = [...(await said).matchAll(/[RT]X-packets: (\d+) +[RT]X-dropped: (\d+)/g)].map((m) => [
      Number(m[1]),
      Number(m[2]),
    ]);
    return {
      // What is in the rings while testpmd sets them up anew is gone, and nobody counts it: from the first on that came.
      sent: trials[0].rxPackets + trials[0].lost,
      before: trials[0].txPackets - trials[0].rxPackets - trials[0].lost,
      received: trials[0].rxPackets,
      pps: trials[0].txPps,
      theirs: { in: counts[2][0], out: counts[1][0] },
    };
  } finally {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

const ip = (...args) => {
  const r = spawnSync('ip', args, { encoding: 'utf8' });
  if (r.status !== 0) throw new Error(`ip ${args.join(' ')}: ${r.stderr}`);
  return r.stdout;
};

/** Two TAP devices that the kernel's bridge joins, in a namespace; the kernel counts what crosses each. */
async function tap(rate) {
  const ns = `clk-obs-${process.pid}`;
  ip('netns', 'add', ns);
  try {
    spawnSync('ip', [
      'netns',
      'exec',
      ns,
      'sysctl',
      '-qw',
      'net.ipv6.conf.all.disable_ipv6=1',
      'net.ipv6.conf.default.disable_ipv6=1',
    ]);
    ip('-n', ns, 'link', 'add', 'name', 'br0', 'type', 'bridge', 'mcast_snooping', '0');
    for (const t of ['ta', 'tb']) {
      ip('-n', ns, 'tuntap', 'add', 'dev', t, 'mode', 'tap');
      ip('-n', ns, 'link', 'set', t, 'txqueuelen', '10000', 'master', 'br0', 'up');
    }
    ip('-n', ns, 'link', 'set', 'br0', 'up');
    const count = (dev, name) => {
      const r = spawnSync('ip', ['netns', 'exec', ns, 'cat', `/sys/class/net/${dev}/statistics/${name}`], {
        encoding: 'utf8',
      });
      return Number(r.stdout);
    };
    const { trials } = JSON.parse(
      await text(pktgen(['ip', 'netns', 'exec', ns], 'tap:ta,tb', rate, ['--duration', o.seconds])),
    );
    const theirs = { in: count('ta', 'rx_packets'), out: count('tb', 'tx_packets') };
    return { sent: trials[0].txPackets, received: trials[0].rxPackets, pps: trials[0].txPps, theirs };
  } finally {
    spawnSync('ip', ['netns', 'del', ns]);
  }
}

const lacks = {
  testpmd: () =>
    spawnSync('dpdk-testpmd', ['--version']).error && 'dpdk-testpmd is not installed (Debian: dpdk)',
  tap: () => process.getuid() !== 0 && 'TAP devices and namespaces need root',
};
const off = (a, b) => Math.abs(a - b) / Math.max(1, b);
const rows = [];
for (const name of observers) {
  const why = lacks[name]?.() ?? (lacks[name] ? undefined : 'no such observer');
  if (why) {
    process.stderr.write(`${name}: ${why}\n`);
    process.exit(3);
  }
  for (const rate of [LOW, 'max'])
    for (let i = 0; i < Number(o.repeats); i++) {
      const r = await { testpmd, tap }[name](rate);
      const errors = { sent: off(r.sent, r.theirs.in), received: off(r.received, r.theirs.out) };
      const agree =
        rate === LOW
          ? r.sent === r.theirs.in && r.received === r.theirs.out
          : Math.max(...Object.values(errors)) <= TOLERANCE;
      rows.push({ observer: name, rate, ...r, errors, agree });
      if (!o.json)
        process.stdout.write(
          `${name}  rate ${rate}: ${(r.pps / 1e6).toFixed(3)} Mpps; sent ${r.sent}, they received ${r.theirs.in} (${(errors.sent * 100).toFixed(4)} %); they sent ${r.theirs.out}, received ${r.received} (${(errors.received * 100).toFixed(4)} %)${agree ? '' : '  DIFFERS'}\n`,
        );
    }
}
if (o.json)
  process.stdout.write(
    `${JSON.stringify({ version: 1, kind: 'observers', seconds: Number(o.seconds), rows }, null, 2)}\n`,
  );
process.exitCode = rows.every((r) => r.agree) ? 0 : 1;
