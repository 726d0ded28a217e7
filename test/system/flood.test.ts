/** A flood of malformed frames into a virtual router leaves it up, counting and forwarding. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compilePlan, Router } from '../../src/engine/router.ts';
import { bootVm } from '../../src/vm/boot.ts';
import { root } from './hosts.ts';

const kvm = spawnSync('test', ['-w', '/dev/kvm']).status === 0;
if (!kvm) console.log('flood through a VM: skipped: /dev/kvm is not usable');
const FRAMES = 300_000;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Wait until a counter has stood still for a second. */
async function settled(read: () => Promise<string>): Promise<number> {
  let last = -1;
  for (let i = 0, still = 0; i < 300; i++) {
    const now = Number(await read());
    still = now === last ? still + 1 : 0;
    if (still === 10) return now;
    last = now;
    await sleep(100);
  }
  throw new Error('still counting after 30 s');
}

describe.skipIf(!kvm)('a virtual router under a flood of malformed frames', () => {
  it('stays up, counts every frame it took and answers a ping', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'clicklet-flood-'));
    process.env.CLICKLET_STATE = join(dir, 'state');
    const ports = [0, 1].map((n) => `vhost-user:${dir}/s${n}`);
    const text = readFileSync(join(root, 'configs', 'middleboxes', 'ip-router.click'), 'utf8');
    const tester = await Router.create(
      `bad :: MalformedSource(02:00:00:00:00:10, LIMIT ${FRAMES}, ACTIVE false) -> sent :: Counter -> out :: ToDevice(0);
       good :: ICMPPingSource(10.0.0.2, 10.0.0.1, LIMIT 3, INTERVAL 0.05, ACTIVE false)
         -> EtherEncap(0x0800, 02:00:00:00:00:66, 02:00:00:00:00:10) -> out;
       FromDevice(0) -> kind :: Classifier(12/0806 20/0001, 12/0800 23/01 34/00, -);
       kind[0] -> ARPResponder(10.0.0.0/16 02:00:00:00:00:66) -> out;
       kind[1] -> replies :: Counter -> Discard;
       kind[2] -> Discard;
       FromDevice(1) -> Discard;`,
      { ports },
    );
    const running = tester.run();
    const vm = await bootVm({
      configuration: compilePlan(text, 'ip-router.click'),
      file: 'ip-router.click',
      vmm: 'kvm',
      ports,
    });
    try {
      await tester.write('bad.active', 'true');
      expect(await settled(() => tester.read('sent.count'))).toBe(FRAMES);
      const taken = await settled(() => vm.read('c0.count'));
      // Frames shorter than an Ethernet header do not pass the port; the others arrive, every one.
      expect(taken).toBeGreaterThan(FRAMES * 0.8);
      await tester.write('good.active', 'true');
      await sleep(1000);
      expect(Number(await tester.read('replies.count'))).toBeGreaterThanOrEqual(3);
      expect(await settled(() => vm.read('c0.count'))).toBeGreaterThanOrEqual(taken + 3);
    } finally {
      await vm.stop();
      tester.stop();
      await running;
      tester.close();
      delete process.env.CLICKLET_STATE;
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
