/** The command line with a state folder of its own, and what it has left there. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Channel } from '../../src/control/channel.ts';
import { clicklet } from './hosts.ts';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class Sandbox {
  readonly dir = mkdtempSync(join(tmpdir(), 'clk-'));
  readonly state = join(this.dir, 's');
  readonly env = { ...process.env, CLICKLET_STATE: this.state };

  run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    const r = spawnSync(process.execPath, [clicklet, ...args], {
      cwd: this.dir,
      env: this.env,
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { status: r.status, stdout: r.stdout, stderr: r.stderr };
  }

  /** Run with `--json`; what it printed. */
  // biome-ignore lint/suspicious/noExplicitAny: shapes are what the tests check
  json(...args: string[]): any {
    const r = this.run(...args, '--json');
    if (!r.stdout) throw new Error(`${args.join(' ')}: ${r.stderr}`);
    return JSON.parse(r.stdout);
  }

  /** Processes that work for this state folder: routers and switches. */
  processes(name?: string): number[] {
    const socket = (path: string) =>
      name === undefined ? path.startsWith(`${this.state}/`) : path === join(this.state, name, 'control');
    return readdirSync('/proc').flatMap((pid) => {
      if (!/^\d+$/.test(pid)) return [];
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words.some((word, i) => words[i - 1] === '--control' && socket(word)) ? [Number(pid)] : [];
      } catch {
        return [];
      }
    });
  }

  /** End a router or switch without warning. */
  kill(name: string): void {
    for (const pid of this.processes(name)) process.kill(pid, 'SIGKILL');
  }

  /** What must not be there when everything is down. */
  leftovers(): string[] {
    const files = existsSync(this.state) ? readdirSync(this.state, { recursive: true }).map(String) : [];
    return [
      ...files.filter((f) => !['.locks', '.topologies', '.events'].includes(f)),
      ...this.processes().map((pid) => `process ${pid}`),
    ];
  }

  /** A handler, read on the control socket as `clicklet handler` does. */
  async read(name: string, handler: string): Promise<string> {
    const channel = await Channel.connect(join(this.state, name, 'control'), 2000);
    try {
      return await channel.read(handler);
    } finally {
      channel.close();
    }
  }

  /** Wait until a counter of a router has grown. */
  async grows(name: string, handler: string): Promise<void> {
    const before = Number(await this.read(name, handler));
    for (let i = 0; i < 500; i++) {
      await sleep(10);
      if (Number(await this.read(name, handler)) > before) return;
    }
    throw new Error(`${handler} of ${name} stays at ${before}`);
  }

  /** Wait until a number has nearly stood still. */
  async settled(read: () => number): Promise<void> {
    for (let i = 0, last = -1; i < 50; i++) {
      const now = read();
      if (now - last <= 2) return;
      last = now;
      await sleep(200);
    }
  }

  remove(): void {
    for (const pid of this.processes()) process.kill(pid, 'SIGKILL');
    rmSync(this.dir, { recursive: true, force: true });
  }
}
