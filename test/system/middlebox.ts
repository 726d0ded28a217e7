/** A middlebox with its ports in our hands: frames go in one at a time, and what comes out is recorded. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage } from '../../src/engine/fuse/image.ts';
import { compilePlan, Router } from '../../src/engine/router.ts';
import { bootVm, type Vm } from '../../src/vm/boot.ts';
import { logPath } from '../../src/vm/registry.ts';
import { describeFrame, readPcap } from './frames.ts';
import { root } from './hosts.ts';

/** In this process; as a virtual router; as one whose image is made for it, compiled quickly. */
export type Way = 'process' | 'kvm' | 'image';
/** Into which port, and what. */
export type Sent = readonly [port: number, frame: Buffer];

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
let count = 0;

export interface MiddleboxOptions {
  ports: number;
  variables?: Record<string, string>;
  memBytes?: number;
  /** All that will be sent, in order. */
  frames: readonly Sent[];
  /** What answers ARP requests on each port: Click text of ARPResponder's arguments. */
  arp?: readonly string[];
}

export class Middlebox {
  readonly #dir: string;
  readonly #tester: Router;
  readonly #box: Router | Vm;
  readonly #running: Promise<unknown>[];
  readonly #ports: number;
  readonly #sent: number[];
  #next = 0;

  private constructor(
    dir: string,
    tester: Router,
    box: Router | Vm,
    running: Promise<unknown>[],
    ports: number,
  ) {
    this.#dir = dir;
    this.#tester = tester;
    this.#box = box;
    this.#running = running;
    this.#ports = ports;
    this.#sent = Array(ports).fill(0);
  }

  static async start(file: string, way: Way, o: MiddleboxOptions): Promise<Middlebox> {
    const dir = mkdtempSync(join(tmpdir(), 'clk-mb-'));
    const path = join(root, 'configs', 'middleboxes', file);
    const configuration = compilePlan(readFileSync(path, 'utf8'), path, {
      variables: o.variables ?? {},
      target: way === 'process' ? 'host' : 'guest',
    });
    const id = `${process.pid}-${count++}`;
    const end = (n: number, side: string) =>
      way !== 'process' ? `vhost-user:${dir}/p${n}` : `pipe:mb${id}-${n}/${side}`;
    const numbers = Array.from({ length: o.ports }, (_, n) => n);
    const tester = await Router.create(testerText(dir, o, numbers), {
      ports: numbers.map((n) => end(n, 'a')),
    });
    const running: Promise<unknown>[] = [tester.run()];
    let box: Router | Vm;
    if (way !== 'process') {
      const image = join(dir, 'image');
      if (way === 'image') await buildImage(configuration, image);
      process.env.CLICKLET_STATE = join(dir, 's');
      box = await bootVm({
        name: 'box',
        ...(way === 'image' && { image }),
        configuration,
        file,
        vmm: 'kvm',
        ports: numbers.map((n) => end(n, 'b')),
        ...(o.memBytes && { memBytes: o.memBytes }),
      });
    } else {
      box = await Router.create(configuration, { ports: numbers.map((n) => end(n, 'b')) });
      running.push(box.run());
    }
    return new Middlebox(dir, tester, box, running, o.ports);
  }

  /**
   * Send the next `n` frames; what comes out meanwhile, `PORT: FRAME`, without ARP. Waits for `expected` frames, and a
   * while for one too many.
   */
  async send(n = 1, expected = n): Promise<string[]> {
    const got = await this.#exchange(n, expected);
    return got.map(([port, frame]) => `${port}: ${describeFrame(frame)}`).sort();
  }

  async #exchange(n: number, expected: number): Promise<Sent[]> {
    for (let i = 0; i < n; i++) await this.#tester.write(`f${this.#next++}.active`, 'true');
    const got: Sent[] = [];
    for (let i = 0; i < 500 && got.length < expected; i++) {
      got.push(...this.frames());
      if (got.length < expected) await sleep(10);
    }
    await sleep(expected ? 20 : 200);
    got.push(...this.frames());
    return got;
  }

  /** Send one frame; the frames that come out, in hexadecimal and in order. Waits for `expected`. */
  async sendHex(expected: number): Promise<(readonly [port: number, hex: string])[]> {
    return (await this.#exchange(1, expected)).map(([port, frame]) => [port, frame.toString('hex')] as const);
  }

  /** What has come out since the last call, as it is, without ARP. */
  frames(): Sent[] {
    const fresh: Sent[] = [];
    for (let n = 0; n < this.#ports; n++) {
      const all = this.#dump(n);
      fresh.push(...all.slice(this.#sent[n]).map((frame) => [n, frame] as const));
      this.#sent[n] = all.length;
    }
    return fresh.filter(([, frame]) => frame.readUInt16BE(12) !== 0x0806);
  }

  read(handler: string): Promise<string> {
    return this.#box.read(handler);
  }

  async count(name: string): Promise<number> {
    return Number(await this.read(`${name}.count`));
  }

  /** What a guest wrote to its console. */
  log(): string {
    return readFileSync(logPath('box'), 'utf8');
  }

  #dump(n: number): Buffer[] {
    const file = join(this.#dir, `out${n}.pcap`);
    return existsSync(file) ? readPcap(readFileSync(file)) : [];
  }

  async close(): Promise<void> {
    this.#tester.stop();
    if (this.#box instanceof Router) this.#box.stop();
    else await this.#box.stop();
    await Promise.all(this.#running);
    this.#tester.close();
    if (this.#box instanceof Router) this.#box.close();
    delete process.env.CLICKLET_STATE;
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

function testerText(dir: string, o: MiddleboxOptions, numbers: readonly number[]): string {
  const ports = numbers.map((n) => {
    const responder = o.arp?.[n] ? `arp${n} :: ARPResponder(${o.arp[n]}) -> q${n};` : `arp${n} :: Discard;`;
    return `Idle -> q${n} :: Queue(200) -> ToDevice(${n}); ${responder}
      FromDevice(${n}) -> k${n} :: Classifier(12/0806 20/0001, -);
      k${n}[0] -> arp${n}; k${n}[1] -> ToDump(${dir}/out${n}.pcap, UNBUFFERED true);`;
  });
  const frames = o.frames.map(
    ([port, f], i) =>
      `f${i} :: InfiniteSource(DATA \\<${f.toString('hex')}>, LIMIT 1, ACTIVE false) -> q${port};`,
  );
  return `${ports.join('\n')}\n${frames.join('\n')}`;
}
