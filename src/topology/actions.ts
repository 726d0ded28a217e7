/** What `up` has to do: computed from what is wanted and what is there, then applied by up.ts. */

import type { VmRecord } from '../vm/registry.ts';
import type { Topology, TopologyRouter } from './load.ts';
import type { TopologyState } from './state.ts';

export interface Actions {
  boot: TopologyRouter[];
  running: TopologyRouter[];
  /** Of the running ones: booted with something else than the file says now. */
  changed: TopologyRouter[];
  /** Started by an earlier `up`, and no longer in the file. */
  orphans: string[];
  /** Their names belong to routers outside of this topology. */
  taken: TopologyRouter[];
}

/** `records`: of all routers of this machine; `alive`: is its process there? */
export function planActions(
  topology: Topology,
  state: TopologyState | undefined,
  records: readonly VmRecord[],
  alive: (record: VmRecord) => boolean,
): Actions {
  const byName = new Map(records.map((r) => [r.name, r]));
  const actions: Actions = { boot: [], running: [], changed: [], orphans: [], taken: [] };
  for (const router of topology.routers) {
    const record = byName.get(router.name);
    if (record && record.topology?.name !== topology.name) actions.taken.push(router);
    else if (!record || !alive(record)) actions.boot.push(router);
    else {
      actions.running.push(router);
      if (record.topology?.digest !== router.digest) actions.changed.push(router);
    }
  }
  const wanted = new Set(topology.routers.map((r) => r.name));
  actions.orphans = (state?.routers ?? []).filter((name) => !wanted.has(name) && byName.has(name));
  return actions;
}
