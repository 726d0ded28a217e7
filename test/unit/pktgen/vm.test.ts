import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findCompiler } from '../../../src/engine/fuse/compiler.ts';
import { compilePlan } from '../../../src/engine/router.ts';
import { type DutChoice, runBench } from '../../../src/pktgen/bench.ts';
import { captureStreams } from '../../../src/pktgen/capture.ts';
import { completeStream } from '../../../src/pktgen/discover.ts';
import { vmSite } from '../../../src/pktgen/dut.ts';
import { checkStreams } from '../../../src/pktgen/stream.ts';
import { bootVm } from '../../../src/vm/boot.ts';
import { forget } from '../../../src/vm/registry.ts';
import { guestImage, kvmProblem, monitorProgram } from '../../../src/vm/vmm.ts';

const wire = 'FromDevice(0) -> Queue -> ToDevice(1); FromDevice(1) -> Queue -> ToDevice(0);';
const problem =
  kvmProblem() ??
  (existsSync(guestImage) && existsSync(monitorProgram) ? undefined : 'the guest is not built');

describe.skipIf(problem !== undefined)(
  `a benchmark of a virtual machine${problem ? ` (skipped: ${problem})` : ''}`,
  () => {
    it('forwards everything at a low rate and reports boot, memory and exits', async () => {
      const r = await runBench({
        text: wire,
        file: 'wire.click',
        dut: 'vm',
        vmm: 'kvm',
        streams: checkStreams({ streams: [{}, { from: 1, to: 0, size: 'imix' }] }),
        sizes: [undefined],
        rate: 4000,
        durationS: 0.5,
      });
      expect(r.dut).toMatchObject({ kind: 'vm', vmm: 'kvm' });
      expect(r.dut.bootMs!.firstPacket).toBeGreaterThan(r.dut.bootMs!.monitor);
      expect(r.dut.memory!.guestBytes).toBe(5 << 20);
      const t = r.trials[0]!;
      expect(t.txPackets + t.missedPackets).toBe(2000);
      expect(t).toMatchObject({ rxPackets: t.txPackets, lost: 0, duplicates: 0, reordered: 0 });
      expect(t.exitsPerMillionPackets).not.toBeNull();
    });

    const compiler = findCompiler();
    it.skipIf(!compiler)(
      `boots an image of its own${compiler ? '' : ' (skipped: no C compiler)'}`,
      async () => {
        const site = vmSite(0, 'kvm', 'fused', undefined);
        const configuration = compilePlan('Idle -> Discard;', 'idle.click', { target: 'guest' });
        try {
          // It is not there yet, and no other is taken.
          await expect(site.start(configuration, 'idle.click', undefined)).rejects.toThrow('image');
          await site.prepare!(configuration, undefined);
          const dut = await site.start(configuration, 'idle.click', undefined);
          expect(dut.memory()!.guestBytes).toBe(5 << 20);
          await dut.stop();
        } finally {
          site.close();
        }
      },
    );

    describe('replays a trace', () => {
      let folder: string;
      beforeAll(async () => {
        folder = mkdtempSync(join(tmpdir(), 'clicklet-bench-'));
        const made = checkStreams({ streams: [{ rate: 2000, size: [64, 300] }] });
        const whole = made.map((s) => completeStream(s, new Map()));
        await captureStreams(whole, 300, join(folder, 't.pcap'));
      });
      afterAll(() => rmSync(folder, { recursive: true, force: true }));
      const replay = (dut: DutChoice) =>
        runBench({
          ...{ text: wire, file: 'wire.click', dut, vmm: 'kvm', sizes: [undefined], rate: undefined },
          streams: checkStreams({ streams: [{ replay: { file: join(folder, 't.pcap'), loop: 2 } }] }),
          durationS: 3,
        });
      const all = { rate: 'trace', txPackets: 600, rxPackets: 600, untracked: { rxPackets: 600 } };

      it('and counts every frame', async () => {
        const r = await replay('vm');
        expect(r.trials[0]).toMatchObject(all);
      });

      it('to a device that comes later: nothing is sent before it is there, and its process is watched', async () => {
        const sockets = ['a', 'b'].map((name) => join(folder, name));
        const result = replay(`vhost-user:${sockets.join(',')}`);
        while (!sockets.every((s) => existsSync(s))) await sleep(20);
        await sleep(1000); // half of the trace would be over
        const vm = await bootVm({
          configuration: compilePlan(wire, 'wire.click', { target: 'guest' }),
          file: 'wire.click',
          vmm: 'kvm',
          ports: sockets.map((s) => `vhost-user:${s}`),
        });
        try {
          const r = await result;
          expect(r.trials[0]).toMatchObject(all);
          expect(r.dut).toMatchObject({ kind: 'device', watchedPid: vm.record.pid });
          expect(r.trials[0]!.heldUpS!.router).not.toBeNull();
        } finally {
          await vm.stop();
          forget(vm.name);
        }
      });
    });
  },
);
