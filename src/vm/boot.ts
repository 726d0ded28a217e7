/** Booting a virtual router and talking to it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Channel, ChannelError, FRAME, type GuestStats } from '../control/channel.ts';
import { HostError } from '../engine/native.ts';
import { type Configuration, ConfigurationError, locateMessages } from '../engine/router.ts';
import { attachPorts, detachPorts } from './ports.ts';
import { endProcess } from './process-end.ts';
import { qemuArguments } from './qemu.ts';
import {
  type BootMs,
  claim,
  controlPath,
  forget,
  load,
  logPath,
  processStart,
  residentBytes,
  save,
  stateRoot,
  type VmRecord,
  validName,
  vmFolder,
} from './registry.ts';
import { chooseVmm, guestImage, type VmmChoice } from './vmm.ts';

export const DEFAULT_MEMORY = 5 << 20;

export interface BootOptions {
  /** Default: made up. */
  name?: string;
  configuration: Configuration;
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
}

/** The monitor refused or broke: `exitCode` is its own documented status. */
export class VmError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A running virtual router. */
export class Vm {
  readonly record: VmRecord;
  readonly vmmReason: string;
  readonly #channel: Channel;
  readonly #child: ChildProcess | undefined;
  /** Resolves with the monitor's exit status; undefined where this process did not start it. */
  readonly exited: Promise<number> | undefined;

  constructor(
    record: VmRecord,
    vmmReason: string,
    channel: Channel,
    child?: ChildProcess,
    exited?: Promise<number>,
  ) {
    this.record = record;
    this.vmmReason = vmmReason;
    this.#channel = channel;
    this.#child = child;
    this.exited = exited;
  }

  /** Connect to one that runs. Throws VmError when there is none of that name or it is gone. */
  static async open(name: string): Promise<Vm> {
    const record = load(name);
    if (!record) throw new VmError(`there is no virtual router '${name}'`, 1);
    if (processStart(record.pid) !== record.pidStart)
      throw new VmError(`'${name}' has exited; its log: clicklet logs ${name}`, 1);
    return new Vm(record, '', await Channel.connect(controlPath(name), 2000));
  }

  get name(): string {
    return this.record.name;
  }
  get vmm(): VmRecord['vmm'] {
    return this.record.vmm;
  }
  get bootMs(): BootMs | null {
    return this.record.bootMs;
  }
  /** Guest RAM, and what the monitor's process has resident, the guest's memory included. */
  get memory(): { guestBytes: number; residentBytes: number } {
    return { guestBytes: this.record.memBytes, residentBytes: residentBytes(this.record.pid) };
  }

  read(handler: string, parameter = ''): Promise<string> {
    return this.#channel.read(handler, parameter);
  }
  write(handler: string, value = ''): Promise<void> {
    return this.#channel.write(handler, value);
  }
  stats(): Promise<GuestStats> {
    return this.#channel.stats();
  }
  /** The monitor's own counters (exits by reason, ports); undefined under QEMU. */
  async monitorStats(): Promise<Record<string, unknown> | undefined> {
    return this.vmm === 'kvm' ? this.#channel.monitorStats() : undefined;
  }
  /** Replace the running configuration; a bad one is refused with located errors and changes nothing. */
  async swap(configuration: Configuration): Promise<void> {
    try {
      await this.#channel.install(configuration.plan);
    } catch (e) {
      if (e instanceof ChannelError && e.messages.length)
        throw new ConfigurationError(locateMessages(configuration.graph, e.messages).list);
      throw e;
    }
  }
  async pause(): Promise<void> {
    await this.#monitorOnly(FRAME.pause, 'paused');
  }
  async resume(): Promise<void> {
    await this.#monitorOnly(FRAME.resume, 'resumed');
  }
  async #monitorOnly(frame: number, what: string): Promise<void> {
    if (this.vmm !== 'kvm')
      throw new VmError(
        `a ${this.vmm === 'qemu' ? 'guest under QEMU' : 'router in a process'} cannot be ${what} by clicklet`,
        3,
      );
    await this.#channel.request(frame);
  }

  /** When the first packet was forwarded, ms since the monitor started; null if none was. */
  async firstPacketMs(): Promise<number | null> {
    const boot = await this.#channel.boot();
    const ms = this.record.bootMs;
    if (!boot.tscFirstPacket || !ms) return null;
    return ms.configure + (boot.tscFirstPacket - boot.tscConfigured) / boot.tscKhz;
  }

  /** Stop the guest and wait until its process has ended; kills it after a second. The record stays for `ps`. */
  async stop(): Promise<void> {
    await this.#channel.stop().catch(() => undefined);
    this.#channel.close();
    await endProcess(this.record);
    this.#child?.unref();
  }

  /** Let go of the connection only. */
  close(): void {
    this.#channel.close();
    this.#child?.unref();
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface MonitorEvent {
  event: string;
  ms: number;
  bootMs?: { monitor: number; kernel: number; configure: number };
  at?: number;
  status?: number;
  reason?: string;
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
    const attached = options.attachedPorts ?? (await attachPorts(name, ports));
    return await start(name, vmm, options, attached);
  } catch (e) {
    if (!options.attachedPorts) await detachPorts(name, ports).catch(() => undefined);
    forget(name);
    throw e;
  }
}

async function start(
  name: string,
  vmm: ReturnType<typeof chooseVmm>,
  options: BootOptions,
  attached: string[],
): Promise<Vm> {
  const memBytes = options.memBytes ?? DEFAULT_MEMORY;
  const planFile = join(vmFolder(name), 'plan');
  writeFileSync(planFile, options.configuration.plan);
  writeFileSync(join(vmFolder(name), 'config.click'), '');
  const log = openSync(logPath(name), 'a');
  const ports = options.ports ?? [];
  const args =
    vmm.kind === 'kvm'
      ? [
          '--image',
          guestImage,
          '--plan',
          planFile,
          '--mem',
          String(memBytes),
          '--control',
          controlPath(name),
          '--events',
          '3',
          ...(options.cpu === undefined ? [] : ['--cpu', String(options.cpu)]),
          ...attached.flatMap((p) => ['--port', p]),
        ]
      : qemuArguments({
          accel: vmm.accel!,
          memBytes,
          planFile,
          control: controlPath(name),
          ports: attached,
        });
  const startedAt = process.hrtime.bigint();
  const child = spawn(vmm.program, args, {
    stdio: ['ignore', log, log, vmm.kind === 'kvm' ? 'pipe' : 'ignore'],
    detached: options.detach ?? false,
  });
  closeSync(log);
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
  const monitorEvents = vmm.kind === 'kvm' ? readEvents(child.stdio[3] as Readable) : undefined;
  const died = failed();
  died.catch(() => undefined);
  try {
    const channel = await Promise.race([Channel.connect(controlPath(name), 5000, ended.signal), died]);
    const boot = await Promise.race([channel.boot(options.timeoutMs ?? 10_000), died]);
    const located = locateMessages(options.configuration.graph, boot.messages);
    if (!boot.installed) {
      channel.close();
      throw located.list.length
        ? new ConfigurationError(located.list)
        : new VmError('the guest refused the configuration without saying why', 1);
    }
    const configure = Number(process.hrtime.bigint() - startedAt) / 1e6;
    const bootMs = (await monitorEvents?.phases) ?? {
      monitor: 0,
      kernel: configure - (boot.tscConfigured - boot.tscPlatform) / boot.tscKhz,
      configure,
      firstPacket: null,
      total: configure,
    };
    record.bootMs = bootMs;
    save(record);
    if (vmm.kind === 'kvm' && attached.some((port) => port.startsWith('vhost-user:')))
      await Promise.race([linksUp(channel), died]);
    monitorEvents?.close();
    if (options.detach) child.unref();
    return new Vm(record, vmm.reason, channel, child, exited);
  } catch (e) {
    const closed = e instanceof ChannelError && e.status === 'closed';
    if (closed) await Promise.race([exited, sleep(500)]); // it is ending by itself and says why
    const status = child.exitCode;
    child.kill('SIGKILL');
    await exited;
    throw closed ? new VmError(lastWords(), status || 1) : e;
  }
}

/** Waits until every port's other side is there. The monitor gives up, and ends, when one does not come. */
async function linksUp(channel: Channel): Promise<void> {
  for (;;) {
    const { ports } = (await channel.monitorStats()) as { ports: { link: boolean }[] };
    if (ports.every((p) => p.link)) return;
    await sleep(5);
  }
}

/** Collects the boot phases from the monitor's event lines. */
function readEvents(stream: Readable): { phases: Promise<BootMs | undefined>; close(): void } {
  const lines = createInterface({ input: stream });
  const phases = new Promise<BootMs | undefined>((resolve) => {
    lines.on('line', (line) => {
      const e = JSON.parse(line) as MonitorEvent;
      if (e.event === 'ready' && e.bootMs) {
        const { monitor, kernel, configure } = e.bootMs;
        resolve({ monitor, kernel, configure, firstPacket: null, total: configure });
      }
    });
    lines.on('close', () => resolve(undefined));
  });
  return {
    phases,
    close: () => {
      lines.close();
      stream.destroy();
    },
  };
}

function tail(file: string, lines = 5): string {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}

function freeName(): string {
  for (let i = 1; ; i++) {
    const name = `r${i}`;
    if (!load(name)) return name;
    if (i > 100_000) throw new HostError(`too many virtual routers below ${stateRoot()}`);
  }
}
