/** The elements that reach the host's own network: each in a network namespace of its own, against Linux's programs. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hasProgram, namespaceProblem, root } from './hosts.ts';

const skip = namespaceProblem() ?? (hasProgram('ping') ? undefined : 'ping is not installed');
if (skip) console.log(`elements of the host's network: skipped: ${skip}`);

const dir = mkdtempSync(join(tmpdir(), 'clicklet-host-'));
afterAll(() => rmSync(dir, { recursive: true }));

/** Runs a configuration in a new network namespace, and `script` as soon as it says `ready`; both outputs. */
function inNamespace(config: string, script: string): { status: number | null; output: string } {
  const file = join(dir, 'config.click');
  const log = join(dir, 'log');
  writeFileSync(file, `${config}\nScript(print ready);`);
  const shell = `ip link set lo up; ip route add 233.252.0.0/24 dev lo
"$0" "$1" "$2" > "$3" 2>&1 & click=$!
for i in $(seq 100); do grep -qs ready "$3" && break; sleep 0.1; done
${script}
status=$?; kill $click 2> /dev/null; wait $click; cat "$3"; exit $status`;
  const click = join(root, 'bin', 'click.js');
  const args = ['-n', 'bash', '-c', shell, process.execPath, click, file, log];
  const run = spawnSync('unshare', args, { encoding: 'utf8', timeout: 30_000 });
  return { status: run.status, output: `${run.stdout}${run.stderr}` };
}

const PING = 'ping -c 3 -i 0.2 -W 2 10.99.0.2';
const ANSWER = `k[0] -> ARPResponder(10.99.0.2 02:00:00:00:00:02) -> out;
  k[1] -> CheckIPHeader(OFFSET 14) -> ICMPPingResponder -> EtherMirror -> out;
  k[2] -> Discard;`;

describe.skipIf(skip)("elements of the host's network", () => {
  it('KernelTun: the host pings through a device of IP packets', () => {
    const config = `t :: KernelTun(10.99.0.1/24) -> IPClassifier(icmp type echo) -> ICMPPingResponder -> Queue -> t;`;
    const { status, output } = inNamespace(config, PING);
    expect(output).toContain('3 received');
    expect(status).toBe(0);
  });

  it('KernelTap: the host resolves and pings an address behind an Ethernet device', () => {
    const config = `t :: KernelTap(10.99.0.1/24) -> k :: Classifier(12/0806 20/0001, 12/0800, -);
      out :: Queue -> t; ${ANSWER}`;
    expect(inNamespace(config, PING).output).toContain('3 received');
  });

  it('FromHost and ToHost: the same over a device that two elements share by name', () => {
    const config = `FromHost(fake0, 10.99.0.1/24) -> k :: Classifier(12/0806 20/0001, 12/0800, -);
      out :: ToHost(fake0); ${ANSWER}`;
    expect(inNamespace(config, PING).output).toContain('3 received');
  });

  it('FromRawSocket: sees what programs send, with IP headers', () => {
    const { output } = inNamespace(
      'FromRawSocket(UDP) -> IPClassifier(dst udp port 9053) -> IPPrint(RAW, TIMESTAMP false) -> Discard;',
      'echo hello > /dev/udp/127.0.0.1/9053; sleep 0.3',
    );
    expect(output).toMatch(/^RAW: 127\.0\.0\.1\.\d+ > 127\.0\.0\.1\.9053: udp 14$/m);
  });

  it('McastSocket: members of a group hear what others send to it, not themselves', () => {
    const { output } = inNamespace(
      `RatedSource(DATA "to the group", RATE 20, LIMIT 2) -> a :: McastSocket(233.252.0.1, 9000, 127.0.0.1, 9001);
       b :: McastSocket(233.252.0.1, 9000, 127.0.0.1, 9002) -> Print(B, CONTENTS ASCII) -> Discard;
       a -> Print(A) -> Discard; Idle -> b;`,
      'for i in $(seq 50); do [ "$(grep -c B: "$3")" -ge 2 ] && break; sleep 0.1; done',
    );
    expect(output.match(/^B: {3}12 \| {2}to the g roup$/gm)).toHaveLength(2);
    expect(output).not.toContain('A:');
  });
});
