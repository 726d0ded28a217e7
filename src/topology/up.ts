/** Starting what is missing of a topology. */

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { HostError } from '../engine/native.ts';
import { ConfigurationError } from '../engine/router.ts';
import { Diagnostics } from '../lang/diagnostics.ts';
import { bootVm } from '../vm/boot.ts';
import { withLock } from '../vm/lock.ts';
import { parsePort, switchedPort } from '../vm/ports.ts';
import { killStrays } from '../vm/process-end.ts';
import { alive, type BootMs, forget, list, vmFolder } from '../vm/registry.ts';
import { chooseVmm, type VmmChoice } from '../vm/vmm.ts';
import { type Actions, planActions } from './actions.ts';
import { bootMany } from './boot-many.ts';
import type { Topology, TopologyRouter, TopologyTap } from './load.ts';
import { eachOf } from './pool.ts';
import {
  forgetTopology,
  loadTopologyState,
  saveTopology,
  type TopologyState,
  topologyLock,
  wireName,
} from './state.ts';
import { attach, type Wanted } from './switches.ts';
import { configureTap, makeTap, removeTap, tapExists } from './taps.ts';

export interface UpOptions {
  /** Boots at the same time. */
  atOnce?: number;
  onProgress?: (done: number, all: number) => void;
}

export interface UpResult {
  started: { name: string; pid: number; bootMs: BootMs | null }[];
  running: string[];
  changed: TopologyRouter[];
  orphans: string[];
  failed: { router: TopologyRouter; error: Error }[];
  /** Of TAPs that are there, but not as the file says. */
  tapErrors: HostError[];
  switches: string[];
  /** From the first to the last start. */
  ms: number;
}

/** Throws ConfigurationError before anything is started; a router that fails to boot leaves the others alone. */
export async function up(topology: Topology, options: UpOptions = {}): Promise<UpResult> {
  return withLock(topologyLock(topology.name), () => locked(topology, options));
}

async function locked(topology: Topology, options: UpOptions): Promise<UpResult> {
  const state = loadTopologyState(topology.name);
  const actions = planActions(topology, state, list(), alive);
  check(topology, state, actions);
  const taps = tapsToMake(topology, state, actions);
  const next = nextState(topology, state, taps);
  saveTopology(next);

  const start = performance.now();
  makeTaps(topology.name, taps, state);
  const sockets = await attachAll(topology);
  const left = actions.boot.map((r) => r.name).filter((name) => existsSync(vmFolder(name)));
  await killStrays(new Set(left)); // of an `up` that was killed
  for (const name of left) forget(name);
  const { started, failed } = await bootAll(topology, actions.boot, sockets, options);
  const bad = new Set(failed.flatMap(({ router }) => router.ports.map((p) => p.replace(/,.*/, ''))));
  const ours = new Set(next.taps.map((t) => t.name));
  // Also those of an `up` that was killed before it came to that.
  const tapErrors = hostErrors(
    topology.taps.filter((t) => ours.has(t.name) && !bad.has(`tap:${t.name}`)),
    configureTap,
  );
  return {
    started,
    running: actions.running.map((r) => r.name),
    changed: actions.changed,
    orphans: actions.orphans,
    failed,
    tapErrors,
    switches: topology.switches.map((s) => s.name),
    ms: performance.now() - start,
  };
}

function check(topology: Topology, state: TopologyState | undefined, { taken }: Actions): void {
  const diagnostics = new Diagnostics();
  if (state && state.file !== topology.file)
    diagnostics.error(
      undefined,
      `a topology '${topology.name}' is up from ${state.file}: give this one another 'name:', or take that one down`,
    );
  for (const { name, span } of taken)
    diagnostics.error(
      span,
      `a virtual router '${name}' exists already, outside of this topology (clicklet rm ${name})`,
    );
  if (diagnostics.hasErrors) throw new ConfigurationError(diagnostics.list);
}

/** Those of routers that are to be booted; one that is there without our doing stays the user's. */
function tapsToMake(topology: Topology, state: TopologyState | undefined, { boot }: Actions): TopologyTap[] {
  const ours = new Set((state?.taps ?? []).map((t) => t.name));
  const needed = new Set(
    boot.flatMap((r) => r.ports.map(parsePort)).map(({ kind, arg }) => `${kind}:${arg}`),
  );
  return topology.taps.filter((t) => needed.has(`tap:${t.name}`) && (ours.has(t.name) || !tapExists(t.name)));
}

/** What the host refused of doing this to all of them. */
function hostErrors(taps: readonly TopologyTap[], act: (tap: TopologyTap) => void): HostError[] {
  return taps.flatMap((tap) => {
    try {
      act(tap);
      return [];
    } catch (e) {
      if (e instanceof HostError) return [e];
      throw e;
    }
  });
}

/** All of them, or none: then nothing has been started. */
function makeTaps(topology: string, taps: readonly TopologyTap[], before: TopologyState | undefined): void {
  const errors = hostErrors(taps, makeTap);
  if (!errors.length) return;
  const had = new Set((before?.taps ?? []).map((t) => t.name));
  for (const tap of taps) if (!had.has(tap.name)) removeTap(tap);
  if (before) saveTopology(before);
  else forgetTopology(topology);
  throw new HostError(errors.map((e) => e.message).join('\n'));
}

function nextState(
  topology: Topology,
  state: TopologyState | undefined,
  made: readonly TopologyTap[],
): TopologyState {
  const routers = new Set([...(state?.routers ?? []), ...topology.routers.map((r) => r.name)]);
  const switches = new Map((state?.switches ?? []).map((s) => [s.name, s]));
  for (const { name, kind } of topology.switches) switches.set(name, { name, kind });
  const taps = new Map((state?.taps ?? []).map((t) => [t.name, t]));
  for (const { name, netns } of made) taps.set(name, { name, ...(netns !== undefined && { netns }) });
  return {
    version: 1,
    name: topology.name,
    file: topology.file,
    routers: [...routers],
    switches: [...switches.values()],
    taps: [...taps.values()],
  };
}

/** All switches run, with all ports of the topology; the socket of each `ROUTER/PORT`. */
async function attachAll(topology: Topology): Promise<Map<string, string>> {
  const sockets = new Map<string, string>();
  const wanted = new Map<string, Wanted[]>(topology.switches.map((s) => [s.name, []]));
  for (const { name, ports } of topology.routers)
    for (const [port, text] of ports.entries()) {
      const { kind, arg, vlan } = parsePort(text);
      const on = kind === 'switch' ? arg : kind === 'link' ? wireName(topology.name, arg) : undefined;
      if (on !== undefined) wanted.get(on)!.push({ router: name, port, ...(vlan !== undefined && { vlan }) });
    }
  await eachOf(topology.switches, availableParallelism(), async ({ name, kind, config }) => {
    const ports = wanted.get(name)!;
    const found = await attach(name, ports, { kind, ...(config && { config }), keep: true });
    for (const [i, { router, port }] of ports.entries()) sockets.set(`${router}/${port}`, found[i]!);
  });
  return sockets;
}

/** Boots them; the monitors of ours all at once, what is left one by one. */
async function bootAll(
  topology: Topology,
  routers: readonly TopologyRouter[],
  sockets: ReadonlyMap<string, string>,
  options: UpOptions,
): Promise<Pick<UpResult, 'started' | 'failed'>> {
  const started: UpResult['started'] = [];
  const failed: UpResult['failed'] = [];
  const atOnce = options.atOnce ?? 2 * availableParallelism();
  const attached = ({ name, ports }: TopologyRouter) =>
    ports.map((text, i) => {
      const socket = sockets.get(`${name}/${i}`);
      return socket === undefined ? text : switchedPort(name, i, parsePort(text), socket);
    });
  const progress = () => options.onProgress?.(started.length + failed.length, routers.length);
  const kinds = new Map<VmmChoice, 'kvm' | 'qemu'>();
  const kindOf = (vmm: VmmChoice) => {
    if (!kinds.has(vmm)) kinds.set(vmm, chooseVmm(vmm).kind);
    return kinds.get(vmm)!;
  };
  // bootVm waits for backends that are not ours and says which one does not come.
  const foreign = (r: TopologyRouter) => r.ports.some((p) => p.startsWith('vhost-user:'));
  const alone = routers.filter((r) => kindOf(r.vmm) === 'qemu' || foreign(r));
  await bootMany(
    routers.filter((r) => !alone.includes(r)),
    {
      topology: topology.name,
      atOnce,
      attached,
      onDone: (router, { name, pid, bootMs }, why) => {
        if (why === undefined) started.push({ name, pid, bootMs });
        else alone.push(router); // once more, to hear what exactly is wrong
        progress();
      },
    },
  );
  for (const router of alone) {
    const { name, configuration, file, memBytes, ports, cpu, vmm, parkAfterS, digest } = router;
    try {
      const booted = await bootVm({
        name,
        configuration,
        file,
        memBytes,
        vmm,
        ports,
        attachedPorts: attached(router),
        ...(cpu !== undefined && { cpu }),
        ...(parkAfterS !== undefined && { parkAfterS }),
        detach: true,
        topology: { name: topology.name, digest },
      });
      booted.close();
      started.push({ name, pid: booted.record.pid, bootMs: booted.bootMs });
    } catch (error) {
      failed.push({ router, error: error as Error });
    }
    progress();
  }
  return { started, failed };
}
