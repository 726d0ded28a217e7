/** Two Linux hosts in network namespaces, each with a TAP device, joined only by the router under test. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const clicklet = join(root, 'bin', 'clicklet.js');

export const hasProgram = (name: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((dir) => existsSync(join(dir, name)));

/** Why network namespaces cannot be used here, or undefined. */
export function namespaceProblem(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  if (!hasProgram('ip')) return 'iproute2 is not installed';
  if (!existsSync('/dev/net/tun')) return '/dev/net/tun does not exist';
  const name = `clk-probe-${process.pid}`;
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0) return 'network namespaces cannot be made here';
  spawnSync('ip', ['netns', 'del', name]);
  return undefined;
}

function must(...command: string[]): string {
  const run = spawnSync(command[0]!, command.slice(1), { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${command.join(' ')}: ${run.stderr || run.error}`);
  return run.stdout;
}

export interface Host {
  namespace: string;
  tap: string;
  address: string;
}

/** Host n is 10.0.n.2/24 with the router, 10.0.n.1, as its gateway. */
export class TwoHosts {
  readonly hosts: [Host, Host];
  readonly #children: ChildProcess[] = [];

  constructor(tag: string) {
    const host = (n: number): Host => ({
      namespace: `clk-${process.pid}-${tag}${n}`,
      tap: `k${process.pid % 100000}${tag}${n}`,
      address: `10.0.${n}.2`,
    });
    this.hosts = [host(0), host(1)];
    for (const h of this.hosts) {
      must('ip', 'netns', 'add', h.namespace);
      must('ip', 'tuntap', 'add', 'dev', h.tap, 'mode', 'tap');
    }
  }

  /** The devices for `--port`. */
  get ports(): string[] {
    return this.hosts.flatMap((h) => ['--port', `tap:${h.tap}`]);
  }

  /** Resolves when a process has opened the TAP devices, or after a quarter of a minute. */
  async opened(pid: number): Promise<void> {
    const count = () =>
      readdirSync(`/proc/${pid}/fd`).filter((fd) => {
        try {
          return readlinkSync(`/proc/${pid}/fd/${fd}`) === '/dev/net/tun';
        } catch {
          return false; // closed meanwhile
        }
      }).length;
    for (let i = 0; i < 300 && count() < this.hosts.length; i++) await new Promise((r) => setTimeout(r, 50));
  }

  /** Once the router has opened the TAP devices: give each to its host. */
  attach(): void {
    for (const [n, h] of this.hosts.entries()) {
      must('ip', 'link', 'set', h.tap, 'netns', h.namespace);
      const inside = ['ip', '-n', h.namespace];
      must(...inside, 'link', 'set', 'lo', 'up');
      must(...inside, 'addr', 'add', `${h.address}/24`, 'dev', h.tap);
      must(...inside, 'link', 'set', h.tap, 'up');
      must(...inside, 'route', 'add', 'default', 'via', `10.0.${n}.1`);
    }
  }

  /** Run a program on a host; its exit status and all it printed. */
  run(host: 0 | 1, command: string[], timeoutMs = 30_000): { status: number | null; output: string } {
    const args = ['netns', 'exec', this.hosts[host].namespace, ...command];
    const r = spawnSync('ip', args, { encoding: 'utf8', timeout: timeoutMs });
    return { status: r.status, output: `${r.stdout}${r.stderr}` };
  }

  /** Start a program that goes on running on a host. */
  start(host: 0 | 1, command: string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.hosts[host].namespace, ...command], { stdio: 'ignore' });
    this.#children.push(child);
    return child;
  }

  remove(): void {
    for (const c of this.#children) c.kill('SIGKILL');
    for (const h of this.hosts) {
      spawnSync('ip', ['netns', 'del', h.namespace]);
      spawnSync('ip', ['link', 'del', h.tap]);
    }
  }
}
