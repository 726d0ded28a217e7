/** Devices under test: a router as a virtual machine, or in this process. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage } from '../engine/fuse/image.ts';
import { fuseRouter } from '../engine/fuse/index.ts';
import { type Configuration, Router } from '../engine/router.ts';
import { bootVm, type Vm } from '../vm/boot.ts';
import { type BootMs, forget } from '../vm/registry.ts';
import { chooseVmm, type VmmChoice } from '../vm/vmm.ts';

/** A place for a router under test: where its ports will be, before it runs. */
export interface Site {
  kind: 'vm' | 'process' | 'device';
  vmm: 'kvm' | 'qemu' | 'process' | 'device';
  /** One sentence: what was chosen and why. */
  why: string;
  engine: 'dynamic' | 'fused' | 'unknown';
  /** Device specs of the generator's ends. */
  generatorPorts: string[];
  /** Compiles what is compiled before the router starts. */
  prepare?(configuration: Configuration, signal: AbortSignal | undefined): Promise<void>;
  start(configuration: Configuration, file: string, cpu: number | undefined): Promise<Dut>;
  close(): void;
}

/** What runs a router: `fused` is compiled first, in a virtual machine as an image of its own. */
export type EngineChoice = 'dynamic' | 'fused';

export interface Dut {
  read(handler: string): Promise<string>;
  bootMs(): Promise<BootMs | null>;
  memory(): { guestBytes: number; residentBytes: number } | null;
  /** The process whose thread runs it; null: not known. */
  readonly pid: number | 'self' | null;
  /** Exits from the guest since it started; null where that is not known. */
  exits(): Promise<number | null>;
  /** Resolves with a message if it ends by itself. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

export const placeOf = {
  kvm: 'a virtual machine under the KVM monitor',
  qemu: 'a virtual machine under QEMU',
  process: 'a router in this process',
  device: 'another device',
  simulated: 'a router in simulated time',
} as const;

let serial = 0;

/** A router in this process, its ports joined to the generator's through memory. */
export function processSite(ports: number, engine: EngineChoice, why: string): Site {
  const name = `bench${process.pid}-${serial++}`;
  const end = (side: string) => Array.from({ length: ports }, (_, i) => `pipe:${name}.${i}/${side}`);
  return {
    kind: 'process',
    vmm: 'process',
    why,
    engine,
    generatorPorts: end('a'),
    close: () => undefined,
    async start(configuration, file, cpu) {
      const router = await Router.create(configuration, { file, ports: end('b') });
      if (engine === 'fused')
        await fuseRouter(router).catch((e: unknown) => {
          router.close();
          throw e;
        });
      let stopping = false;
      const run = router.run(cpu);
      return {
        read: (h) => router.read(h),
        bootMs: async () => null,
        memory: () => null,
        pid: 'self',
        exits: async () => null,
        ended: run.then(() => (stopping ? '' : 'the router stopped by itself')),
        async stop() {
          stopping = true;
          router.stop();
          await run;
          router.close();
        },
      };
    },
  };
}

/**
 * A virtual machine whose ports are vhost-user sockets. Throws HostError where none can run. `instead`: why what was
 * tried before was of no use.
 */
export function vmSite(
  ports: number,
  choice: VmmChoice,
  engine: EngineChoice,
  memBytes: number | undefined,
  instead?: string,
): Site {
  const vmm = chooseVmm(choice);
  const folder = mkdtempSync(join(tmpdir(), 'clicklet-bench-'));
  const image = join(folder, 'image');
  const specs = Array.from({ length: ports }, (_, i) => `vhost-user:${join(folder, `${i}.sock`)}`);
  return {
    kind: 'vm',
    vmm: vmm.kind,
    why: instead ? `because ${instead}` : vmm.reason,
    engine,
    generatorPorts: specs,
    ...(engine === 'fused' && { prepare: (c, signal) => buildImage(c, image, signal) }),
    close: () => rmSync(folder, { recursive: true, force: true }),
    async start(configuration, file, cpu) {
      const vm = await bootVm({
        configuration,
        ...(engine === 'fused' && { image }),
        file,
        vmm: choice,
        ports: specs,
        name: `bench-${process.pid}-${serial++}`,
        ...(memBytes === undefined ? {} : { memBytes }),
        ...(cpu === undefined ? {} : { cpu }),
      });
      return vmDut(vm);
    },
  };
}

function vmDut(vm: Vm): Dut {
  let stopping = false;
  return {
    read: (h) => vm.read(h),
    async bootMs() {
      return vm.bootMs && { ...vm.bootMs, firstPacket: await vm.firstPacketMs().catch(() => null) };
    },
    memory: () => {
      const { guestBytes, residentBytes } = vm.memory;
      return { guestBytes, residentBytes };
    },
    pid: vm.record.pid,
    async exits() {
      const stats = await vm.monitorStats().catch(() => undefined);
      return stats ? countExits(stats) : null;
    },
    ended: (vm.exited ?? new Promise<number>(() => undefined)).then((status) =>
      stopping ? '' : `the virtual router ended with status ${status}`,
    ),
    async stop() {
      stopping = true;
      await vm.stop();
      forget(vm.name);
    },
  };
}

/** The sum of the monitor's exit counters, however they are grouped. */
export function countExits(stats: Record<string, unknown>): number | null {
  const exits = stats.exits;
  if (typeof exits === 'number') return exits;
  if (typeof exits !== 'object' || exits === null) return null;
  return Object.values(exits).reduce((n: number, x) => n + (typeof x === 'number' ? x : 0), 0);
}

const deviceKinds = ['tap', 'vhost-user', 'iface'] as const;

/** Whether a device under test is something else than a router that we start: `tap:A,B` and such. */
export const isDeviceDut = (text: string): boolean => deviceKinds.some((k) => text.startsWith(`${k}:`));

/** The device specs of `tap:A,B`, `vhost-user:A,B` or `iface:A,B`. Throws UsageError. */
export function portsOfDut(text: string): string[] {
  const kind = deviceKinds.find((k) => text.startsWith(`${k}:`));
  const names = kind ? text.slice(kind.length + 1).split(',') : [];
  if (!kind || names.some((n) => !n))
    throw new UsageError(`--dut '${text}': expected tap:A,B, vhost-user:A,B or iface:A,B`);
  return names.map((n) => (kind === 'iface' ? n : `${kind}:${n}`));
}

/** Whatever stands between those devices: nothing is started, and nothing is known of it but its packets. */
export function deviceSite(text: string): Site {
  const ports = portsOfDut(text);
  return {
    kind: 'device',
    vmm: 'device',
    why: text,
    engine: 'unknown',
    generatorPorts: ports,
    close: () => undefined,
    start: async () => ({
      read: () => Promise.reject(new UsageError(`--dut ${text}: it has no handlers`)),
      bootMs: async () => null,
      memory: () => null,
      pid: null,
      exits: async () => null,
      ended: new Promise<string>(() => undefined),
      stop: async () => undefined,
    }),
  };
}

/** The command line asks for what there is not. */
export class UsageError extends Error {
  readonly exitCode = 2;
}
