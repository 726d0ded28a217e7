/** Booting a virtual router and talking to it. */

import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { Channel, ChannelError } from '../control/channel.ts';
import { HostError, type NativeMessage } from '../engine/native.ts';
import { type Configuration, ConfigurationError, locateMessages } from '../engine/router.ts';
import { isMember } from '../topology/state.ts';
import { VmError } from './errors.ts';
import { note, openJournal, tail } from './journal.ts';
import { attachPorts, detachPorts, parsePort } from './ports.ts';
import { qemuArguments } from './qemu.ts';
import {
  alive,
  type BootMs,
  claim,
  controlPath,
  forget,
  load,
  logPath,
  planPath,
  processStart,
  save,
  stateRoot,
  type VmRecord,
  validName,
} from './registry.ts';
import { readSnapshotMeta } from './snapshot.ts';
import { sleep, Vm } from './vm.ts';
import { chooseVmm, guestImage, type VmmChoice } from './vmm.ts';

export { VmError } from './errors.ts';
export { Vm } from './vm.ts';

export const DEFAULT_MEMORY = 5 << 20;

export interface BootOptions {
  /** Default: made up. */
  name?: string;
  /** What it runs: this, or the snapshot `restore`, which also brings its memory size. */
  configuration?: Configuration;
  restore?: string;
  /** The plan that the image holds, or the snapshot's router has. */
  restoredPlan?: Uint8Array;
  /** An image from `clicklet build`, in place of the generic one. */
  image?: string;
  /** The configuration's file, for `ps`. */
  file: string;
  memBytes?: number;
  vmm?: VmmChoice;
  /** `tap:IFNAME`, `vhost-user:SOCKET` or `switch:NAME`, with `,mac=...`; the n-th is the guest's port n. */
  ports?: string[];
  /** What the monitor is to be given for them, where the caller has attached them to their switches. */
  attachedPorts?: string[];
  /** The topology it belongs to. */
  topology?: VmRecord['topology'];
  cpu?: number;
  /** The virtual router goes on when this process ends. */
  detach?: boolean;
  /** Milliseconds until a guest that says nothing counts as hung. */
  timeoutMs?: number;
  /** Park it after so many seconds in which it did nothing. */
  parkAfterS?: number;
}

/** Where the memory of parked routers is kept: a disk, rather than a file system in memory. */
const parkFolder = () => process.env.CLICKLET_PARK_DIR ?? '/var/tmp';

interface MonitorEvent {
  event: string;
  ms: number;
  bootMs?: { monitor: number; kernel: number; configure: number };
  errors?: { warning: boolean; element: number; arg: number; message: string }[];
}

/** Boot a configuration. Throws ConfigurationError, VmError or HostError; leaves nothing behind then. */
export async function bootVm(options: BootOptions): Promise<Vm> {
  const vmm = chooseVmm(options.vmm ?? 'auto');
  const name = options.name ?? freeName();
  if (!validName(name))
    throw new VmError(`'${name}' cannot be a name: letters, digits, '.', '_' and '-', 63 at most`, 2);
  if (!claim(name)) throw new VmError(`a virtual router '${name}' exists already (clicklet rm ${name})`, 1);
  if (Buffer.byteLength(controlPath(name)) > 107) {
    forget(name);
    throw new VmError(
      `the path of the control socket is too long for a Unix socket: ${controlPath(name)}`,
      3,
    );
  }
  const ports = options.ports ?? [];
  try {
    const attached = options.attachedPorts ?? (await attachPorts(name, ports, options.topology?.name));
    const plan = options.configuration?.plan ?? options.restoredPlan;
    return await start(name, vmm, { ...options, plan }, attached);
  } catch (e) {
    if (!options.attachedPorts) await detachPorts(name, ports).catch(() => undefined);
    forget(name);
    throw e;
  }
}

/** The monitor's command line; descriptor 3 is for its events, 4 for the journal. */
export function monitorArguments(
  name: string,
  memBytes: number,
  options: Pick<BootOptions, 'restore' | 'image' | 'parkAfterS' | 'cpu' | 'detach'>,
  attached: readonly string[],
): string[] {
  const given = (option: string, value: unknown) => (value === undefined ? [] : [option, String(value)]);
  return [
    ...(options.restore
      ? ['--restore', options.restore, '--image', options.image ?? guestImage]
      : ['--image', options.image ?? guestImage, '--plan', planPath(name), '--mem', String(memBytes)]),
    ...['--control', controlPath(name), '--events', '3', '--journal', '4', '--name', name],
    ...['--park-dir', parkFolder()],
    ...given('--park-after', options.parkAfterS),
    ...given('--cpu', options.cpu),
    ...given('--parent', options.detach ? undefined : process.pid),
    ...attached.flatMap((p) => ['--port', p]),
  ];
}

async function start(
  name: string,
  vmm: ReturnType<typeof chooseVmm>,
  options: BootOptions & { plan?: Uint8Array | undefined },
  attached: string[],
): Promise<Vm> {
  const kvm = vmm.kind === 'kvm';
  const memBytes = options.memBytes ?? DEFAULT_MEMORY;
  const ports = options.ports ?? [];
  if (!kvm && (options.restore || options.parkAfterS))
    throw new VmError('QEMU can neither restore snapshots nor park routers: use --vmm kvm', 3);
  if (options.plan) writeFileSync(planPath(name), options.plan);
  const log = openSync(logPath(name), 'a+');
  const journal = openJournal();
  const args = kvm
    ? monitorArguments(name, memBytes, options, attached)
    : qemuArguments({
        accel: vmm.accel!,
        memBytes,
        planFile: planPath(name),
        control: controlPath(name),
        ports: attached,
        image: options.image ?? guestImage,
      });
  const startedAt = process.hrtime.bigint();
  const child = spawn(vmm.program, args, {
    stdio: ['ignore', log, log, ...(kvm ? ['pipe' as const, journal] : [])],
    detached: options.detach ?? false,
  });
  closeSync(log);
  closeSync(journal);
  const record: VmRecord = {
    version: 1,
    name,
    pid: child.pid ?? 0,
    pidStart: child.pid ? (processStart(child.pid) ?? '') : '',
    vmm: vmm.kind,
    config: options.file,
    createdMs: Date.now(),
    memBytes,
    ports,
    bootMs: null,
    ...(options.topology && { topology: options.topology }),
  };
  save(record); // also if we are killed now, it is known
  const ended = new AbortController();
  const exited = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? (signal ? 128 : 1)));
    child.once('error', () => resolve(3));
  });
  void exited.then(() => ended.abort());
  const lastWords = () => tail(logPath(name)).replace(/^clicklet-monitor: /gm, '') || 'it said nothing';
  const failed = async (): Promise<never> => {
    const status = await exited;
    throw new VmError(lastWords(), status || 1);
  };
  const monitorEvents = kvm ? readEvents(child.stdio[3] as Readable) : undefined;
  const died = failed();
  died.catch(() => undefined);
  try {
    // Until then we keep still: the router may need the very CPU that we would run on.
    if (monitorEvents) {
      const silence = setTimeout(options.timeoutMs ?? 10_000, undefined, { ref: false });
      const outcome = await Promise.race([monitorEvents.outcome, died, silence]);
      if (outcome?.refused && options.configuration) refuse(options.configuration, outcome.refused);
    }
    const channel = await Promise.race([Channel.connect(controlPath(name), 5000, ended.signal), died]);
    const boot = await Promise.race([channel.boot(options.timeoutMs ?? 10_000), died]);
    if (!boot.installed && options.configuration) {
      channel.close();
      refuse(options.configuration, boot.messages);
    }
    const warnings = options.configuration && locateMessages(options.configuration.graph, boot.messages).list;
    const configure = Number(process.hrtime.bigint() - startedAt) / 1e6;
    record.bootMs = (await monitorEvents?.outcome)?.phases ?? {
      monitor: 0,
      kernel: configure - (boot.tscConfigured - boot.tscPlatform) / boot.tscKhz,
      configure,
      firstPacket: null,
      total: configure,
    };
    save(record);
    if (!kvm) note(name, 'started', { pid: record.pid, memory: memBytes });
    if (kvm && attached.some((port) => port.startsWith('vhost-user:')))
      await Promise.race([linksUp(channel), died]);
    monitorEvents?.close();
    if (options.detach) child.unref();
    return new Vm(record, vmm.reason, channel, child, exited, warnings);
  } catch (e) {
    const closed = e instanceof ChannelError && e.status === 'closed';
    if (closed) await Promise.race([exited, sleep(500)]); // it is ending by itself and says why
    const status = child.exitCode;
    child.kill('SIGKILL');
    await exited;
    throw closed ? new VmError(lastWords(), status || 1) : e;
  }
}

/**
 * Waits until the other side of every port that the configuration uses is there. The monitor gives up, and ends, when
 * one does not come.
 */
async function linksUp(channel: Channel): Promise<void> {
  while ((await channel.stats()).ports.some((p) => p.open && !p.link)) await sleep(5);
}

function refuse(configuration: Configuration, messages: readonly NativeMessage[]): never {
  const located = locateMessages(configuration.graph, messages);
  throw located.list.length
    ? new ConfigurationError(located.list)
    : new VmError('the guest refused the configuration without saying why', 1);
}

/** What the boot came to, from the monitor's event lines. */
interface Outcome {
  phases?: BootMs;
  refused?: NativeMessage[];
}

function readEvents(stream: Readable): { outcome: Promise<Outcome>; close(): void } {
  const lines = createInterface({ input: stream });
  let restored = false;
  const outcome = new Promise<Outcome>((resolve) => {
    lines.on('line', (line) => {
      const e = JSON.parse(line) as MonitorEvent;
      if (e.event === 'ready' && e.bootMs) {
        const { monitor, kernel, configure } = e.bootMs;
        resolve({ phases: { monitor, kernel, configure, firstPacket: null, total: configure } });
      } else if (e.event === 'started' && restored) {
        const { ms } = e;
        resolve({ phases: { monitor: ms, kernel: ms, configure: ms, firstPacket: null, total: ms } });
      } else if (e.event === 'refused' && e.errors) {
        resolve({
          refused: e.errors.map((m) => ({
            severity: m.warning ? ('warning' as const) : ('error' as const),
            element: m.element,
            arg: m.arg,
            message: m.message,
          })),
        });
      } else if (e.event === 'waiting' || e.event === 'exit') {
        resolve({});
      }
      restored ||= e.event === 'restored';
    });
    lines.on('close', () => resolve({}));
  });
  return {
    outcome,
    close: () => {
      lines.close();
      stream.destroy();
    },
  };
}

/** How to start a router from a snapshot. */
export type RestoreOptions = Omit<
  BootOptions,
  'configuration' | 'restore' | 'restoredPlan' | 'file' | 'memBytes' | 'vmm'
>;

/** Start a router where a snapshot left it; by default under its name and with its ports and addresses. */
export async function restoreVm(file: string, options: RestoreOptions = {}): Promise<Vm> {
  const meta = readSnapshotMeta(file);
  const original = load(meta.name);
  const another = options.name !== undefined && options.name !== meta.name;
  if (another && !options.ports && meta.ports.length && original && alive(original))
    throw new VmError(
      `'${meta.name}' runs with the ports and addresses of this snapshot: give --port, or use 'clicklet clone'`,
      2,
    );
  // Back in its place in its topology.
  const member = !another && !options.ports && meta.topology && isMember(meta.topology.name, meta.name);
  return bootVm({
    ...options,
    ...(member && meta.topology && { topology: meta.topology }),
    name: options.name ?? meta.name,
    ports: options.ports ?? meta.ports,
    restore: file,
    ...(meta.plan === undefined ? {} : { restoredPlan: Buffer.from(meta.plan, 'base64') }),
    file: meta.config,
    memBytes: meta.memBytes,
    vmm: 'kvm',
  });
}

/**
 * A second router in the state of the first, which goes on; on ports of its own, with addresses of its own. Its
 * configuration is installed once more where it speaks of those addresses.
 */
export async function cloneVm(from: string, options: RestoreOptions): Promise<Vm> {
  const original = await Vm.open(from);
  const wanted = original.record.ports.length;
  // A switch has room for more than one.
  const shared = original.record.ports.every((p) => parsePort(p).kind === 'switch');
  const ports =
    options.ports ?? (shared ? original.record.ports.map((p) => p.replace(/,mac=[^,]*/, '')) : []);
  const folder = mkdtempSync(join(tmpdir(), 'clicklet-clone-'));
  const file = join(folder, 'snapshot');
  try {
    if (ports.length !== wanted)
      throw new VmError(
        `'${from}' has ${wanted} port${wanted === 1 ? '' : 's'}: give its clone as many of its own with --port`,
        2,
      );
    await original.snapshot(file);
    const clone = await restoreVm(file, { ...options, ports });
    const plan = existsSync(planPath(clone.name)) ? readFileSync(planPath(clone.name)) : Buffer.alloc(0);
    if (wanted && plan.includes(':eth')) await clone.install(plan);
    return clone;
  } finally {
    original.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function freeName(): string {
  for (let i = 1; ; i++) {
    const name = `r${i}`;
    if (!load(name)) return name;
    if (i > 100_000) throw new HostError(`too many virtual routers below ${stateRoot()}`);
  }
}
