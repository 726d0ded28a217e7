import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runBench } from '../../../src/pktgen/bench.ts';
import { checkStreams } from '../../../src/pktgen/stream.ts';
import { guestImage, kvmProblem, monitorProgram } from '../../../src/vm/vmm.ts';

const problem =
  kvmProblem() ??
  (existsSync(guestImage) && existsSync(monitorProgram) ? undefined : 'the guest is not built');

describe.skipIf(problem !== undefined)(
  `a benchmark of a virtual machine${problem ? ` (skipped: ${problem})` : ''}`,
  () => {
    it('forwards everything at a low rate and reports boot, memory and exits', async () => {
      const r = await runBench({
        text: 'FromDevice(0) -> Queue -> ToDevice(1); FromDevice(1) -> Queue -> ToDevice(0);',
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
  },
);
