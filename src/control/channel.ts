/** Client of a guest's control channel. Frames and types are those of native/include/clicklet/channel.h. */

import { connect, type Socket } from 'node:net';
import type { NativeMessage } from '../engine/native.ts';

const MAGIC = 0x464b4c43;
const VERSION = 1;
const HEADER_BYTES = 24;
const PAYLOAD_MAX = 64 << 20;
const RESPONSE = 0x8000;

/** Request types. */
export const FRAME = {
  ping: 1,
  install: 2,
  read: 3,
  write: 4,
  stats: 5,
  stop: 6,
  boot: 7,
  monitorStats: 0x100,
  pause: 0x101,
  resume: 0x102,
  quit: 0x103,
  snapshot: 0x104,
  park: 0x105,
  wake: 0x106,
} as const;

const STATUS = ['ok', 'failed', 'malformed', 'too large', 'gone'] as const;
export type ChannelStatus = (typeof STATUS)[number];

export type Encoding = 'utf8' | 'latin1';

/** The other side refused a request, or went away. */
export class ChannelError extends Error {
  readonly exitCode: number;
  readonly status: ChannelStatus | 'closed';
  readonly messages: readonly NativeMessage[];
  constructor(status: ChannelStatus | 'closed', messages: readonly NativeMessage[], text?: string) {
    super(text ?? (messages.map((m) => m.message).join('\n') || `the guest answered: ${status}`));
    this.status = status;
    this.messages = messages;
    this.exitCode = status === 'closed' ? 3 : 1;
  }
}

/** What a guest says about itself. Times are steady nanoseconds, memory in bytes. */
export interface GuestStats {
  uptimeNs: number;
  memoryBytes: number;
  memoryFree: number;
  poolTotal: number;
  poolFree: number;
  poolFailures: number;
  rounds: number;
  tasksRun: number;
  idleWaits: number;
  ports: GuestPort[];
}

export interface GuestPort {
  mac: string;
  link: boolean;
  open: boolean;
  rxPackets: number;
  rxBytes: number;
  rxDropped: number;
  txPackets: number;
  txBytes: number;
  txDropped: number;
}

/** How a guest booted; the time stamps are its TSC, `tscKhz` a millisecond. */
export interface GuestBoot {
  installed: boolean;
  tscKhz: number;
  tscStarted: number;
  tscPlatform: number;
  tscConfigured: number;
  tscFirstPacket: number;
  memoryFree: number;
  memoryNeeded: number;
  messages: NativeMessage[];
}

interface Waiting {
  /** The response's payload is wanted whatever its status. */
  any: boolean;
  resolve(payload: Buffer): void;
  reject(error: Error): void;
}

/** One connection to a control socket. Requests may be made at any time; each gets one response. */
export class Channel {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #parts: Buffer[] = [];
  #have = 0;
  #id = 0;
  #closed: string | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (data: Buffer) => this.#receive(data));
    socket.on('error', (e) => this.#fail(e.message));
    socket.on('close', () => this.#fail('the virtual machine closed its control channel'));
  }

  /** Connect to a Unix socket; retries until `timeoutMs`, or `signal`, while it is not there yet. */
  static async connect(path: string, timeoutMs = 0, signal?: AbortSignal): Promise<Channel> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      try {
        return await new Promise((resolve, reject) => {
          const socket = connect(path);
          socket.once('error', reject);
          socket.once('connect', () => {
            socket.removeListener('error', reject);
            resolve(new Channel(socket));
          });
        });
      } catch (e) {
        if (Date.now() >= deadline || signal?.aborted)
          throw new ChannelError('closed', [], `cannot reach the control channel: ${(e as Error).message}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
  }

  /** Requests under way fail. */
  close(): void {
    this.#fail('the control channel was closed');
  }

  /** Send one request; its response's payload. Throws ChannelError. */
  request(
    type: number,
    payload: Uint8Array = new Uint8Array(),
    timeoutMs = 10_000,
    any = false,
  ): Promise<Buffer> {
    if (this.#closed !== undefined) return Promise.reject(new ChannelError('closed', [], this.#closed));
    const id = ++this.#id;
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(MAGIC, 0);
    header.writeUInt16LE(VERSION, 4);
    header.writeUInt16LE(type, 6);
    header.writeUInt32LE(payload.length, 8);
    header.writeUInt32LE(id, 12);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(
          new ChannelError('closed', [], `the virtual machine did not answer within ${timeoutMs / 1000} s`),
        );
      }, timeoutMs);
      const settle = (then: () => void) => {
        clearTimeout(timer);
        then();
      };
      this.#waiting.set(id, {
        any,
        resolve: (p) => settle(() => resolve(p)),
        reject: (e) => settle(() => reject(e)),
      });
      this.#socket.write(Buffer.concat([header, payload]));
    });
  }

  /** `encoding`: of all strings; `latin1` keeps values that are no text as they are, a character a byte. */
  async read(handler: string, parameter = '', encoding: Encoding = 'utf8'): Promise<string> {
    const question = Buffer.from(`${handler}\0${parameter}\0`, encoding);
    return (await this.request(FRAME.read, question)).toString(encoding);
  }

  async write(handler: string, value = '', encoding: Encoding = 'utf8'): Promise<void> {
    await this.request(FRAME.write, Buffer.from(`${handler}\0${value}`, encoding));
  }

  /** Install a plan; the warnings. A refusal throws ChannelError with the messages; the old router goes on. */
  async install(plan: Uint8Array): Promise<NativeMessage[]> {
    return readMessages(await this.request(FRAME.install, plan));
  }

  async stop(): Promise<void> {
    await this.request(FRAME.stop);
  }

  async stats(): Promise<GuestStats> {
    const b = await this.request(FRAME.stats);
    const u64 = (at: number) => Number(b.readBigUInt64LE(at));
    const size = b.readUInt32LE(0);
    const ports = Array.from({ length: b.readUInt32LE(4) }, (_, i) => {
      const at = size + 56 * i;
      const [rxPackets, rxBytes, rxDropped, txPackets, txBytes, txDropped] = [0, 1, 2, 3, 4, 5].map((k) =>
        u64(at + 8 + 8 * k),
      ) as [number, number, number, number, number, number];
      const mac = [...b.subarray(at, at + 6)].map((x) => x.toString(16).padStart(2, '0')).join(':');
      return {
        mac,
        link: b[at + 6] === 1,
        open: b[at + 7] === 1,
        rxPackets,
        rxBytes,
        rxDropped,
        txPackets,
        txBytes,
        txDropped,
      };
    });
    return {
      uptimeNs: u64(8),
      memoryBytes: u64(16),
      memoryFree: u64(24),
      poolTotal: u64(32),
      poolFree: u64(40),
      poolFailures: u64(48),
      rounds: u64(56),
      tasksRun: u64(64),
      idleWaits: u64(72),
      ports,
    };
  }

  /** How the boot went; answered once the guest has tried its first configuration. */
  async boot(timeoutMs = 10_000): Promise<GuestBoot> {
    const b = await this.request(FRAME.boot, new Uint8Array(), timeoutMs, true);
    if (b.length < 64) throw new ChannelError('malformed', []);
    const u64 = (at: number) => Number(b.readBigUInt64LE(at));
    return {
      installed: b.readUInt32LE(4) === 1,
      tscKhz: u64(8),
      tscStarted: u64(16),
      tscPlatform: u64(24),
      tscConfigured: u64(32),
      tscFirstPacket: u64(40),
      memoryFree: u64(48),
      memoryNeeded: u64(56),
      messages: readMessages(b.subarray(b.readUInt32LE(0))),
    };
  }

  async monitorStats(): Promise<Record<string, unknown>> {
    return JSON.parse((await this.request(FRAME.monitorStats)).toString()) as Record<string, unknown>;
  }

  #fail(why: string): void {
    this.#closed ??= why;
    for (const w of this.#waiting.values()) w.reject(new ChannelError('closed', [], why));
    this.#waiting.clear();
    this.#socket.destroy();
  }

  #receive(data: Buffer): void {
    this.#parts.push(data);
    this.#have += data.length;
    if (this.#have < HEADER_BYTES) return;
    let all = this.#parts.length === 1 ? data : Buffer.concat(this.#parts);
    while (all.length >= HEADER_BYTES) {
      const length = all.readUInt32LE(8);
      if (all.readUInt32LE(0) !== MAGIC || length > PAYLOAD_MAX) {
        this.#fail('the control channel sent something that is not a frame');
        return;
      }
      if (all.length < HEADER_BYTES + length) break;
      this.#frame(all, all.subarray(HEADER_BYTES, HEADER_BYTES + length));
      all = all.subarray(HEADER_BYTES + length);
    }
    this.#parts = [all];
    this.#have = all.length;
  }

  #frame(header: Buffer, payload: Buffer): void {
    const id = header.readUInt32LE(12);
    const waiting = this.#waiting.get(id);
    if (!waiting || !(header.readUInt16LE(6) & RESPONSE)) return; // an event, or an answer nobody waits for any more
    this.#waiting.delete(id);
    const status = header.readUInt32LE(16);
    if (status === 0 || waiting.any) waiting.resolve(Buffer.from(payload));
    else waiting.reject(new ChannelError(STATUS[status] ?? 'malformed', readMessages(payload)));
  }
}

/** Error records: warning, element, arg, length, then text padded to 4 bytes. */
function readMessages(b: Buffer): NativeMessage[] {
  const messages: NativeMessage[] = [];
  for (let at = 0; at + 16 <= b.length; ) {
    const length = b.readUInt32LE(at + 12);
    if (length > b.length - at - 16) break;
    messages.push({
      severity: b.readUInt32LE(at) ? 'warning' : 'error',
      element: b.readInt32LE(at + 4),
      arg: b.readInt32LE(at + 8),
      message: b.toString('utf8', at + 16, at + 16 + length),
    });
    at += 16 + ((length + 3) & ~3);
  }
  return messages;
}
