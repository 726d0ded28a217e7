/** What is kept of the topologies that are up: enough to take them down, whatever was killed meanwhile. */

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stateRoot } from '../vm/registry.ts';

export interface TopologyState {
  version: 1;
  name: string;
  /** Absolute path of its file. */
  file: string;
  /** Names of all it has started or was about to start. */
  routers: string[];
  switches: { name: string; kind: 'switch' | 'wire' }[];
  /** TAPs that `up` made. */
  taps: { name: string; netns?: string }[];
}

const folder = (): string => join(stateRoot(), '.topologies');
const fileOf = (name: string): string => join(folder(), `${name}.json`);

/** Written before anything of it is started. */
export function saveTopology(state: TopologyState): void {
  mkdirSync(folder(), { recursive: true, mode: 0o700 });
  const file = fileOf(state.name);
  writeFileSync(`${file}.new`, JSON.stringify(state));
  renameSync(`${file}.new`, file);
}

export function loadTopologyState(name: string): TopologyState | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(name), 'utf8')) as TopologyState;
  } catch {
    return undefined;
  }
}

export function listTopologies(): TopologyState[] {
  let files: string[];
  try {
    files = readdirSync(folder());
  } catch {
    return [];
  }
  const names = files.flatMap((f) => (f.endsWith('.json') ? [f.slice(0, -5)] : []));
  return names.sort().flatMap((name) => loadTopologyState(name) ?? []);
}

/** The topology that is up from this file, or is called so. */
export function findTopology(fileOrName: string): TopologyState | undefined {
  const path = resolve(fileOrName);
  return listTopologies().find((t) => t.file === path) ?? loadTopologyState(fileOrName);
}

/** Is the topology up, with a router of that name? */
export const isMember = (topology: string, router: string): boolean =>
  loadTopologyState(topology)?.routers.includes(router) ?? false;

/** A link's switch is known by the topology's name too, so that topologies do not share links. */
export const wireName = (topology: string, link: string): string => `${topology}.${link}`;

/** Names of the routers and switches of a topology, by its file or name. Throws where none is up. */
export function membersOf(fileOrName: string): Set<string> {
  const state = findTopology(fileOrName);
  if (!state) throw new TopologyError(`no topology '${fileOrName}' is up (clicklet up FILE)`);
  return new Set([...state.routers, ...state.switches.map((s) => s.name)]);
}

export class TopologyError extends Error {
  readonly exitCode = 1;
}

export function forgetTopology(name: string): void {
  rmSync(fileOf(name), { force: true });
}

export const topologyLock = (name: string): string => `topology.${name}`;
