/** Real hosts through the IP router: in a process with one and two threads, in a VM under the KVM monitor, and under QEMU. */

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clicklet, hasProgram, namespaceProblem, root, TwoHosts } from './hosts.ts';

const config = join(root, 'configs', 'middleboxes', 'ip-router.click');
const problem = namespaceProblem();
const kvm = spawnSync('test', ['-w', '/dev/kvm']).status === 0;
const qemu = hasProgram('qemu-system-x86_64');

const ways: [name: string, skip: string | undefined][] = [
  ['process', problem],
  ['threads', problem],
  ['kvm', problem ?? (kvm ? undefined : '/dev/kvm is not usable')],
  ['qemu', problem ?? (qemu ? undefined : 'QEMU is not installed')],
  ['tcg', problem ?? (qemu ? undefined : 'QEMU is not installed')],
];

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

for (const [way, skip] of ways) {
  if (skip) console.log(`router through real hosts, ${way}: skipped: ${skip}`);
  describe.skipIf(skip)(`two hosts joined by the IP router, ${way}`, () => {
    let hosts: TwoHosts;
    let end: () => void = () => undefined;

    beforeAll(async () => {
      hosts = new TwoHosts(way.slice(0, 2));
      const state = mkdtempSync(join(tmpdir(), 'clicklet-state-'));
      // Where KVM seems not to be there, QEMU emulates.
      const env = {
        ...process.env,
        CLICKLET_STATE: state,
        ...(way === 'tcg' ? { CLICKLET_KVM: '/dev/none' } : {}),
      };
      if (way === 'process' || way === 'threads') {
        const threads = way === 'threads' ? ['--threads', '2'] : [];
        const child = spawn(process.execPath, [clicklet, 'run', config, ...threads, ...hosts.ports], {
          stdio: 'inherit',
        });
        end = () => child.kill('SIGTERM');
        await hosts.opened(child.pid!);
      } else {
        const args = [
          'boot',
          config,
          '--name',
          'r',
          '--vmm',
          way === 'tcg' ? 'qemu' : way,
          '-d',
          ...hosts.ports,
        ];
        const boot = spawnSync(process.execPath, [clicklet, ...args], { encoding: 'utf8', env });
        end = () => {
          spawnSync(process.execPath, [clicklet, 'rm', '-f', 'r'], { env });
          rmSync(state, { recursive: true, force: true });
        };
        expect(boot.status, boot.stderr).toBe(0);
        expect(boot.stderr).toContain({ kvm: 'KVM monitor', qemu: 'QEMU', tcg: 'QEMU (tcg)' }[way]);
      }
      hosts.attach();
    });
    afterAll(() => {
      end();
      hosts?.remove();
    });

    it('ping', () => {
      const { status, output } = hosts.run(0, ['ping', '-c', '5', '-i', '0.1', '-W', '3', '10.0.1.2']);
      expect(output).toContain(' 0% packet loss');
      expect(status).toBe(0);
    });

    it('ping the router itself', () => {
      expect(hosts.run(1, ['ping', '-c', '2', '-i', '0.1', '-W', '3', '10.0.0.1']).output).toContain(
        ' 0% packet loss',
      );
    });

    it.skipIf(!hasProgram('traceroute'))('traceroute: the router answers with TTL exceeded', () => {
      const { output } = hosts.run(0, ['traceroute', '-n', '-q', '1', '-w', '3', '10.0.1.2']);
      expect(output).toMatch(/^ 1 {2}10\.0\.0\.1 /m);
      expect(output).toMatch(/^ 2 {2}10\.0\.1\.2 /m);
    });

    it.skipIf(!hasProgram('iperf3'))('iperf3 over TCP and UDP', async () => {
      hosts.start(1, ['iperf3', '-s']);
      await sleep(500);
      const tcp = JSON.parse(hosts.run(0, ['iperf3', '-J', '-t', '2', '-c', '10.0.1.2']).output);
      expect(tcp.error).toBeUndefined();
      expect(tcp.end.sum_received.bytes).toBeGreaterThan(1e6);
      const udp = JSON.parse(
        hosts.run(0, ['iperf3', '-J', '-u', '-b', '5M', '-t', '2', '-c', '10.0.1.2']).output,
      );
      expect(udp.error).toBeUndefined();
      expect(udp.end.sum.packets).toBeGreaterThan(100);
      expect(udp.end.sum.lost_percent).toBeLessThan(10);
    });
  });
}
