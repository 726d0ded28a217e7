/** A running virtual router: what can be asked of it. */

import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Channel, ChannelError, type Encoding, FRAME, type GuestStats } from '../control/channel.ts';
import { type Configuration, ConfigurationError, locateMessages } from '../engine/router.ts';
import type { Diagnostic } from '../lang/diagnostics.ts';
import { VmError } from './errors.ts';
import { note } from './journal.ts';
import { endProcess } from './process-end.ts';
import {
  type BootMs,
  controlPath,
  digestOf,
  load,
  planPath,
  processMemory,
  processStart,
  save,
  type VmRecord,
} from './registry.ts';
import { copySnapshot, type SnapshotMeta } from './snapshot.ts';

/** A running virtual router. */
export class Vm {
  readonly record: VmRecord;
  readonly vmmReason: string;
  readonly #channel: Channel;
  readonly #child: ChildProcess | undefined;
  /** What the elements of the configuration warned of when it was booted or swapped in by this object. */
  warnings: readonly Diagnostic[];
  /** Resolves with the monitor's exit status; undefined where this process did not start it. */
  readonly exited: Promise<number> | undefined;

  constructor(
    record: VmRecord,
    vmmReason: string,
    channel: Channel,
    child?: ChildProcess,
    exited?: Promise<number>,
    warnings: readonly Diagnostic[] = [],
  ) {
    this.warnings = warnings;
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
  /**
   * Guest RAM, and what the monitor's process has resident, the guest's memory included; `privateBytes` is that without
   * pages of files, which all routers share.
   */
  get memory(): { guestBytes: number; residentBytes: number; privateBytes: number } {
    return { guestBytes: this.record.memBytes, ...processMemory(this.record.pid) };
  }

  /** `encoding` as in Channel.read. */
  read(handler: string, parameter = '', encoding: Encoding = 'utf8'): Promise<string> {
    return this.#channel.read(handler, parameter, encoding);
  }
  write(handler: string, value = '', encoding: Encoding = 'utf8'): Promise<void> {
    return this.#channel.write(handler, value, encoding);
  }
  stats(): Promise<GuestStats> {
    return this.#channel.stats();
  }
  /** The monitor's own counters (exits by reason, ports); undefined under QEMU. */
  async monitorStats(): Promise<Record<string, unknown> | undefined> {
    return this.vmm === 'kvm' ? this.#channel.monitorStats() : undefined;
  }
  /**
   * Replace the running configuration; a bad one is refused with located errors and changes nothing. `file` is what
   * `ps` shows.
   */
  async swap(configuration: Configuration, file = this.record.config): Promise<void> {
    try {
      const messages = await this.#channel.install(configuration.plan);
      this.warnings = locateMessages(configuration.graph, messages).list;
      writeFileSync(planPath(this.name), configuration.plan);
      const { topology } = this.record;
      const digest = digestOf(configuration.plan) + (topology?.digest.slice(16) ?? '');
      save(Object.assign(this.record, { config: file }, topology && { topology: { ...topology, digest } }));
    } catch (e) {
      if (e instanceof ChannelError && e.status === 'failed' && e.messages.length)
        throw new ConfigurationError(locateMessages(configuration.graph, e.messages).list);
      throw e;
    }
  }
  /** Install a plan. Throws ChannelError when it is refused. */
  async install(plan: Uint8Array): Promise<void> {
    await this.#channel.install(plan);
  }
  async pause(): Promise<void> {
    await this.#monitorOnly(FRAME.pause, 'paused');
  }
  async resume(): Promise<void> {
    await this.#monitorOnly(FRAME.resume, 'resumed');
  }
  /** Put an idle guest's memory into a file until something needs the guest. Waits up to a second for idleness. */
  async park(): Promise<void> {
    const end = Date.now() + 1000;
    for (;;) {
      try {
        await this.#monitorOnly(FRAME.park, 'parked');
        return;
      } catch (e) {
        if (!(e instanceof ChannelError && e.message.includes('busy')) || Date.now() > end) throw e;
        await sleep(20);
      }
    }
  }
  async wake(): Promise<void> {
    await this.#monitorOnly(FRAME.wake, 'woken');
  }
  /** Write a snapshot; the guest stands still for a moment and goes on. */
  async snapshot(file: string): Promise<{ bytes: number; tookMs: number }> {
    const monitor = (await this.monitorStats()) as { ports: { mac: string }[] } | undefined;
    const { name, config, memBytes, ports, topology } = this.record;
    const meta: SnapshotMeta = {
      version: 1,
      name,
      config,
      memBytes,
      ports: ports.map((spec, i) => {
        const without = spec.replace(/,mac=[^,]*/, '');
        return `${without},mac=${monitor?.ports[i]?.mac}`;
      }),
      ...(topology && { topology }),
      ...(existsSync(planPath(name)) ? { plan: readFileSync(planPath(name)).toString('base64') } : {}),
    };
    const answer = await this.#monitorOnly(FRAME.snapshot, 'snapshotted', Buffer.from(JSON.stringify(meta)));
    const { pid, fd, bytes, tookMs } = JSON.parse(answer.toString()) as Record<string, number>;
    copySnapshot(pid!, fd!, file);
    return { bytes: bytes!, tookMs: tookMs! };
  }
  #monitorOnly(frame: number, what: string, payload?: Uint8Array): Promise<Buffer> {
    if (this.vmm !== 'kvm')
      throw new VmError(
        `a ${this.vmm === 'qemu' ? 'guest under QEMU' : 'router in a process'} cannot be ${what} by clicklet`,
        3,
      );
    return this.#channel.request(frame, payload);
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
    if (this.vmm === 'qemu') note(this.name, 'stopped');
    this.#child?.unref();
  }

  /** Let go of the connection only. */
  close(): void {
    this.#channel.close();
    this.#child?.unref();
  }
}

export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
