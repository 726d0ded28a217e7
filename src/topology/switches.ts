/** Host switches: routers in processes of their own whose ports come and go while they run. */

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Channel } from '../control/channel.ts';
import { type Configuration, compilePlan } from '../engine/router.ts';
import { withLock } from '../vm/lock.ts';
import { endProcess, killStrays } from '../vm/process-end.ts';
import { startProcessRouter } from '../vm/process-router.ts';
import { alive, claim, controlPath, forget, load, save, vmFolder } from '../vm/registry.ts';
import { devicesOf } from './devices.ts';
import { type SwitchKind, type SwitchPort, switchText } from './switch-config.ts';

/** Something about a switch that cannot be. */
export class SwitchError extends Error {
  readonly exitCode = 1;
}

/** What is kept in a switch's folder. A port's place in `ports` is its number in the switch. */
interface SwitchState {
  version: 1;
  kind: SwitchKind;
  /** A configuration of the user's, with a fixed number of ports; null: made from the list of ports. */
  config: { file: string; text: string } | null;
  /** Kept while it has no ports, until its topology goes down. */
  keep: boolean;
  nextId: number;
  ports: (SwitchPort | null)[];
}

export interface SwitchSettings {
  kind?: SwitchKind;
  config?: { file: string; text: string };
  keep?: boolean;
}

/** A port that a router asks for. */
export type Wanted = Omit<SwitchPort, 'id'>;

const stateFile = (name: string): string => join(vmFolder(name), 'switch.json');
const lockName = (name: string): string => `switch.${name}`;

export function loadSwitch(name: string): SwitchState | undefined {
  try {
    return JSON.parse(readFileSync(stateFile(name), 'utf8')) as SwitchState;
  } catch {
    return undefined;
  }
}

function saveSwitch(name: string, state: SwitchState): void {
  writeFileSync(`${stateFile(name)}.new`, JSON.stringify(state));
  renameSync(`${stateFile(name)}.new`, stateFile(name));
}

const SOCKET_PATH_MAX = 107;

/** The socket at which a port's router finds the switch. */
const socketOf = (name: string, port: SwitchPort): string => join(vmFolder(name), `p${port.id}`);

/** Compiles a switch's own configuration; the number of ports it has. Throws ConfigurationError. */
export function compileSwitch(config: { file: string; text: string }): {
  configuration: Configuration;
  ports: number;
} {
  const configuration = compilePlan(config.text, config.file);
  return { configuration, ports: Math.max(0, ...devicesOf(configuration.graph).map((d) => d.number + 1)) };
}

function newState(name: string, settings: SwitchSettings): SwitchState {
  const { kind = 'switch', config, keep = false } = settings;
  const state: SwitchState = { version: 1, kind, config: config ?? null, keep, nextId: 0, ports: [] };
  if (!config) return state;
  // Its sockets are there from the start: place n is the configuration's port n.
  state.nextId = compileSwitch(config).ports;
  state.ports = Array.from({ length: state.nextId }, () => null);
  if (state.nextId === 0)
    throw new SwitchError(
      `${config.file}: the configuration of switch '${name}' has no ports: FromDevice(0), ...`,
    );
  return state;
}

function add(name: string, state: SwitchState, wanted: Wanted): void {
  const free = state.ports.indexOf(null);
  if (state.kind === 'wire' && state.ports.filter(Boolean).length === 2)
    throw new SwitchError(`link '${name}' joins two ports and has both`);
  if (state.config && free < 0)
    throw new SwitchError(
      `no port of switch '${name}' is free: ${state.config.file} has ${state.ports.length}`,
    );
  if (state.config && wanted.vlan !== undefined)
    throw new SwitchError(`switch '${name}' has a configuration of its own, which decides about VLANs`);
  const port: SwitchPort = { ...wanted, id: state.config ? free : state.nextId++ };
  if (free < 0) state.ports.push(port);
  else state.ports[free] = port;
}

/** The plan, and for a configuration of the user's the devices behind its port numbers. */
function compileState(name: string, state: SwitchState): { configuration: Configuration; devices: string[] } {
  if (state.config) {
    const devices = state.ports.map((_, id) => `vhost-user:${socketOf(name, { id, router: '', port: 0 })}`);
    return { configuration: compilePlan(state.config.text, state.config.file), devices };
  }
  const text = switchText(state.kind, state.ports, (p) => `vhost-user:${socketOf(name, p)}`);
  return { configuration: compilePlan(text, name), devices: [] };
}

/** What `ps` shows: who is attached, in the order of the devices. */
const shownPorts = (state: SwitchState): string[] =>
  state.config
    ? state.ports.map((p) => (p ? `router:${p.router}/${p.port}` : 'router:-'))
    : state.ports
        .filter((p) => p !== null)
        .sort((a, b) => a.id - b.id)
        .map((p) => `router:${p.router}/${p.port}`);

/** Makes what runs agree with the state: starts the process, or gives it the new list of ports. */
async function apply(name: string, state: SwitchState, changed: boolean, created = false): Promise<void> {
  const record = load(name);
  const ports = shownPorts(state);
  const file = state.config?.file ?? state.kind;
  if (!record || !alive(record)) {
    if (!created) await killStrays(new Set([name])); // its starter may have been killed
    const { configuration, devices } = compileState(name, state);
    await startProcessRouter({ name, plan: configuration.plan, file, devices, ports });
    return;
  }
  if (!changed) return;
  if (!state.config) {
    const channel = await Channel.connect(controlPath(name), 2000);
    try {
      await channel.install(compileState(name, state).configuration.plan);
    } finally {
      channel.close();
    }
  }
  save({ ...record, ports });
}

/**
 * Makes sure that the switch runs and has the wanted ports; the sockets for them, in order. A port that is there
 * already is left alone.
 */
export async function attach(
  name: string,
  wanted: readonly Wanted[],
  settings: SwitchSettings = {},
): Promise<string[]> {
  return withLock(lockName(name), async () => {
    let state = loadSwitch(name);
    const created = !state;
    if (!state) {
      if (!claim(name) && load(name))
        throw new SwitchError(`'${name}' is a virtual router: a switch cannot have the same name`);
      if (Buffer.byteLength(join(vmFolder(name), 'p99999')) > SOCKET_PATH_MAX)
        throw new SwitchError(
          `the name of '${name}' is too long for the paths of its sockets: ${vmFolder(name)}`,
        );
      state = newState(name, settings);
    }
    if (settings.keep) state.keep = true;
    try {
      let changed = created;
      const have = new Map(state.ports.flatMap((p) => (p ? [[`${p.router}/${p.port}`, p] as const] : [])));
      for (const w of wanted) {
        const old = have.get(`${w.router}/${w.port}`);
        if (old && old.vlan === w.vlan) continue;
        if (old) state.ports[state.ports.indexOf(old)] = null;
        add(name, state, w);
        changed = true;
      }
      saveSwitch(name, state);
      await apply(name, state, changed, created);
    } catch (e) {
      if (created) forget(name);
      throw e;
    }
    const all = new Map(state.ports.flatMap((p) => (p ? [[`${p.router}/${p.port}`, p] as const] : [])));
    return wanted.map((w) => socketOf(name, all.get(`${w.router}/${w.port}`)!));
  });
}

/** Takes away the ports of some routers. A switch nobody uses any more ends, unless a topology keeps it. */
export async function detach(name: string, routers: ReadonlySet<string>): Promise<void> {
  await withLock(lockName(name), async () => {
    const state = loadSwitch(name);
    if (!state) return;
    const ports = state.ports.map((p) => (p && routers.has(p.router) ? null : p));
    const changed = ports.some((p, i) => p !== state.ports[i]);
    if (!state.config) while (ports.length && ports.at(-1) === null) ports.pop();
    state.ports = ports;
    if (ports.every((p) => p === null) && !state.keep) {
      await end(name);
      return;
    }
    saveSwitch(name, state);
    const record = load(name);
    if (changed && record && alive(record)) await apply(name, state, true);
  });
}

/** Whether it stays when it has no ports. */
export async function keepSwitch(name: string, keep: boolean): Promise<void> {
  await withLock(lockName(name), async () => {
    const state = loadSwitch(name);
    if (state) saveSwitch(name, { ...state, keep });
  });
}

/** Ends a switch, whoever uses it. */
export async function removeSwitch(name: string): Promise<void> {
  await withLock(lockName(name), () => end(name));
}

async function end(name: string): Promise<void> {
  const record = load(name);
  if (record) await endProcess(record, 'SIGTERM');
  else await killStrays(new Set([name])); // its starter was killed
  forget(name);
}
