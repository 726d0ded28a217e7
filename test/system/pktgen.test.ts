/** The generator's counts agree with independent observers, packet for packet: the kernel's counters and tcpdump. */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCapture } from '../../src/pktgen/capture.ts';
import { clicklet, hasProgram, namespaceProblem, root } from './hosts.ts';

const namespace = `clk-gen-${process.pid}`;
const inside = (...command: string[]) =>
  spawnSync('ip', ['netns', 'exec', namespace, ...command], { encoding: 'utf8', timeout: 30_000 });

function must(...command: string[]): string {
  const r = spawnSync(command[0]!, command.slice(1), { encoding: 'utf8' });
  if (r.status !== 0) throw new Error(`${command.join(' ')}: ${r.stderr}`);
  return r.stdout;
}

/** Why there can be no bridge between two TAP devices here, or undefined. */
function bridgeProblem(): string | undefined {
  const problem = namespaceProblem();
  if (problem) return problem;
  must('ip', 'netns', 'add', namespace);
  const { status, stderr } = inside('ip', 'link', 'add', 'name', 'br0', 'type', 'bridge');
  must('ip', 'netns', 'del', namespace);
  return status === 0 ? undefined : `no bridges: ${stderr.trim()}`;
}

const problem = bridgeProblem() ?? (hasProgram('tcpdump') ? undefined : 'tcpdump is not installed');
if (problem) console.log(`pktgen and other observers: skipped: ${problem}`);
const noTestpmd = hasProgram('dpdk-testpmd') ? undefined : 'dpdk-testpmd is not installed (Debian: dpdk-dev)';
if (noTestpmd) console.log(`pktgen and testpmd's statistics: skipped: ${noTestpmd}`);

/** Two TAP devices joined by the kernel's bridge, which is the device under test; 10.0.0.1 is the bridge itself. */
describe.skipIf(problem)('through a bridge of the kernel', { timeout: 60_000 }, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'clicklet-test-'));
    must('ip', 'netns', 'add', namespace);
    inside('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1');
    for (const command of [
      'tuntap add dev ta mode tap',
      'tuntap add dev tb mode tap',
      'link add name br0 type bridge mcast_snooping 0',
      'link set dev ta master br0',
      'link set dev tb master br0',
      'link set dev br0 up',
      'link set dev ta up',
      'link set dev tb up',
      'addr add 10.0.0.1/24 dev br0',
    ])
      must('ip', '-n', namespace, ...command.split(' '));
  });
  afterAll(() => {
    spawnSync('ip', ['netns', 'del', namespace]);
    rmSync(folder, { recursive: true, force: true });
  });

  const counter = (device: string, name: string) =>
    Number(inside('cat', `/sys/class/net/${device}/statistics/${name}`).stdout);

  const generate = (...args: string[]) =>
    inside(process.execPath, clicklet, 'pktgen', '--dut', 'tap:ta,tb', '--json', ...args);

  /** What tcpdump sees arrive on the first TAP device while `body` runs. */
  async function observed(body: () => void): Promise<Buffer[]> {
    const file = join(folder, 'seen.pcap');
    const args = [
      'netns',
      'exec',
      namespace,
      'tcpdump',
      '-Z',
      'root',
      '--immediate-mode', // else what is in a block that is not full is lost at the end
      '-U',
      '-B',
      '16384',
      '-i',
      'ta',
      '-Q',
      'in',
      '-w',
      file,
    ];
    const tcpdump = spawn('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    tcpdump.stderr.on('data', (d) => {
      said += d;
    });
    while (!said.includes('listening on')) await sleep(20);
    const ended = new Promise((resolve) => tcpdump.on('exit', resolve));
    body();
    await sleep(300);
    tcpdump.kill('SIGINT');
    await ended;
    return readCapture(file).map((f) => f.data);
  }

  it('sent and received are what the kernel and tcpdump counted', async () => {
    const before = ['ta rx_packets', 'ta rx_bytes', 'tb tx_packets'].map((c) =>
      counter(...(c.split(' ') as [string, string])),
    );
    let out = '';
    const seen = await observed(() => {
      out = generate('--rate', '3000', '--size', '64*3 300', '--count', '2000', '--duration', '5').stdout;
    });
    const result = JSON.parse(out);
    const [trial] = result.trials;
    expect(trial).toMatchObject({
      txPackets: 2000,
      rxPackets: 2000,
      lost: 0,
      reordered: 0,
      duplicates: 0,
      foreign: 0,
    });
    const after = [counter('ta', 'rx_packets'), counter('ta', 'rx_bytes'), counter('tb', 'tx_packets')];
    expect(after.map((n, i) => n - before[i]!)).toEqual([2000, 1500 * 60 + 500 * 296, 2000]);
    const lengths = seen.map((b) => b.length);
    expect([
      lengths.filter((n) => n === 60).length,
      lengths.filter((n) => n === 296).length,
      lengths.length,
    ]).toEqual([1500, 500, 2000]);
    expect(result.pacing[0]).toMatchObject({ packets: 2000, askedPps: 3000 });
  });

  it('a trace leaves as it was captured, with the next hop found by ARP', async () => {
    const trace = join(folder, 'trace.pcap');
    const streams = join(folder, 's.yaml');
    writeFileSync(
      streams,
      'streams: [{rate: 2000, size: 64 128 1518, layers: [ether, ipv4: {dst: 10.0.0.1-10.0.0.99}, udp: {src: 1-9}]}]',
    );
    must(process.execPath, clicklet, 'pktgen', '--streams', streams, '-o', trace, '--count', '300');
    const sent = readCapture(trace).map((f) => f.data);
    expect(sent).toHaveLength(300);
    let run: ReturnType<typeof generate> | undefined;
    const seen = await observed(() => {
      run = generate(
        '--replay',
        trace,
        '--speed',
        '2',
        '--loop',
        '2',
        '--gateway',
        '10.0.0.1',
        '--src-mac',
        '02:00:00:00:00:01',
      );
    });
    expect(run!.status, run!.stderr).toBe(0);
    const mac = inside('cat', '/sys/class/net/br0/address').stdout.trim();
    const ip = seen.filter((b) => b.readUInt16BE(12) === 0x0800);
    expect(ip).toHaveLength(600);
    expect(new Set(ip.map((b) => b.subarray(0, 6).toString('hex')))).toEqual(
      new Set([mac.replaceAll(':', '')]),
    );
    expect(ip.map((b) => b.subarray(12).toString('hex'))).toEqual(
      [...sent, ...sent].map((b) => b.subarray(12).toString('hex')),
    );
  });

  it('bench replays a trace through devices that it did not start', () => {
    const trace = join(folder, 'bench.pcap');
    must(process.execPath, clicklet, 'pktgen', '--rate', '2000', '-o', trace, '--count', '300');
    const before = counter('ta', 'rx_packets');
    const r = inside(
      ...[process.execPath, clicklet, 'bench', join(root, 'configs', 'middleboxes', 'wire.click')],
      ...['--dut', 'tap:ta,tb', '--replay', trace, '--loop', '2', '--duration', '3', '--json'],
    );
    expect(r.status, r.stderr).toBe(0);
    expect(JSON.parse(r.stdout).trials[0]).toMatchObject({ rate: 'trace', txPackets: 600, rxPackets: 600 });
    expect(counter('ta', 'rx_packets') - before).toBe(600);
  });

  it('a gateway that does not answer is an error', () => {
    const r = generate('--gateway', '10.0.0.77');
    expect(r.status).toBe(1);
    expect(r.stderr).toContain('gateway 10.0.0.77 on port 0: no answer to ARP requests');
  });

  it('bench drives devices that it did not start', () => {
    const r = inside(
      ...[process.execPath, clicklet, 'bench', join(root, 'configs', 'middleboxes', 'wire.click')],
      ...['--dut', 'tap:ta,tb', '--rate', '1000', '--duration', '0.5', '--json'],
    );
    expect(r.status, r.stderr).toBe(0);
    const result = JSON.parse(r.stdout);
    expect(result.dut).toMatchObject({ kind: 'device', why: 'tap:ta,tb', bootMs: null, memory: null });
    expect(result.trials[0]).toMatchObject({ lossRatio: 0, duplicates: 0 });
    expect(result.trials[0].rxPackets).toBe(result.trials[0].txPackets);
  });
});

/** DPDK as the other observer: testpmd forwards between two vhost-user ports of the generator and counts. */
describe.skipIf(noTestpmd)('through testpmd', { timeout: 90_000 }, () => {
  it('what came back is what testpmd sent, what is missing what it dropped', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clicklet-test-'));
    const sockets = [join(folder, 'a'), join(folder, 'b')];
    const text = (child: ReturnType<typeof spawn>): Promise<string> => {
      let all = '';
      child.stdout!.on('data', (d) => {
        all += d;
      });
      return new Promise((resolve) => child.on('exit', () => resolve(all)));
    };
    const [node, dut] = [process.execPath, `vhost-user:${sockets.join(',')}`];
    const send = ['--rate', '1000', '--count', '3000', '--duration', '40', '--json'];
    const pktgen = spawn(node, [clicklet, 'pktgen', '--dut', dut, ...send], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const result = text(pktgen);
    for (let i = 0; i < 500 && !sockets.every((s) => existsSync(s)); i++) await sleep(20);
    const ports = sockets.flatMap((path, i) => ['--vdev', `net_virtio_user${i},path=${path},queues=1`]);
    const testpmd = spawn(
      'dpdk-testpmd',
      [
        '--no-pci',
        '--no-huge',
        '-m',
        '128',
        ...ports,
        '-l',
        '0,1',
        '--',
        '--total-num-mbufs=4096',
        '--auto-start',
      ],
      { stdio: ['pipe', 'pipe', 'ignore'] },
    );
    const report = text(testpmd);
    try {
      const [trial] = JSON.parse(await result).trials;
      testpmd.stdin!.write('\n');
      const said = await report;
      const counts = [...said.matchAll(/[RT]X-packets: (\d+) +[RT]X-dropped: (\d+)/g)].map((m) => [
        Number(m[1]),
        Number(m[2]),
      ]);
      const [received, sent] = [counts[0]!, counts[3]!]; // of port 0 received, of port 1 sent
      expect(trial.txPackets).toBe(3000);
      expect(trial.rxPackets).toBe(sent[0]);
      expect(trial.lost).toBeLessThanOrEqual(sent[1]!);
      expect(received[0]).toBe(sent[0]! + sent[1]!);
      // What testpmd had not taken out of the ring when the generator left.
      expect(3000 - received[0]!).toBeLessThanOrEqual(256);
    } finally {
      testpmd.kill('SIGKILL');
      pktgen.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
