/** The TAP interfaces that a topology makes, by iproute2. */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { HostError } from '../engine/native.ts';
import type { TopologyTap } from './load.ts';

/** Runs `ip`; why it failed, or undefined. */
function ip(...args: string[]): string | undefined {
  const run = spawnSync('ip', args, { encoding: 'utf8' });
  if (run.error) return `iproute2 is needed for 'taps:': ${run.error.message}`;
  return run.status === 0 ? undefined : run.stderr.trim() || `ip ${args.join(' ')} failed`;
}

function must(tap: string, ...args: string[]): void {
  const problem = ip(...args);
  if (problem) throw new HostError(`TAP ${tap}: ${problem}`);
}

export const tapExists = (name: string): boolean => existsSync(`/sys/class/net/${name}/tun_flags`);

/** Makes it, for a router that is going to be booted. A TAP in a namespace is out of the router's reach: a new one. */
export function makeTap({ name, netns }: TopologyTap): void {
  if (netns !== undefined) ip('-n', netns, 'link', 'del', name);
  if (!tapExists(name)) must(name, 'tuntap', 'add', 'dev', name, 'mode', 'tap');
}

/** Once its router has it open: to its namespace, with its address, up. Does no harm a second time. */
export function configureTap({ name, netns, address, gateway }: TopologyTap): void {
  if (netns !== undefined && tapExists(name)) must(name, 'link', 'set', name, 'netns', netns);
  const inside = netns === undefined ? [] : ['-n', netns];
  if (netns !== undefined) must(name, ...inside, 'link', 'set', 'lo', 'up');
  if (address !== undefined) must(name, ...inside, 'addr', 'replace', address, 'dev', name);
  must(name, ...inside, 'link', 'set', name, 'up');
  if (gateway !== undefined) must(name, ...inside, 'route', 'replace', 'default', 'via', gateway);
}

/** Removes it, wherever it is. */
export function removeTap({ name, netns }: { name: string; netns?: string }): void {
  if (netns !== undefined) ip('-n', netns, 'link', 'del', name);
  if (tapExists(name)) ip('link', 'del', name);
}
