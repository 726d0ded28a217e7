/** Taking a topology down: everything it has, also after any part of it was killed. */

import { withLock } from '../vm/lock.ts';
import { endProcess, killStrays } from '../vm/process-end.ts';
import { alive, forget, load } from '../vm/registry.ts';
import { eachOf } from './pool.ts';
import { forgetTopology, loadTopologyState, topologyLock } from './state.ts';
import { detach, keepSwitch, removeSwitch } from './switches.ts';
import { removeTap } from './taps.ts';

const AT_ONCE = 16;

export interface DownResult {
  routers: string[];
  switches: string[];
  taps: string[];
}

/** Removes all of it. Undefined if it is not up. */
export async function down(
  name: string,
  onProgress?: (done: number, all: number) => void,
): Promise<DownResult | undefined> {
  return withLock(topologyLock(name), async () => {
    const state = loadTopologyState(name);
    if (!state) return undefined;
    const records = state.routers.map((r) => ({ router: r, record: load(r) }));
    // A router of that name which somebody else has booted meanwhile is not ours.
    const ours = records.flatMap(({ router, record }) =>
      record && record.topology?.name !== name ? [] : [{ router, record }],
    );
    let done = 0;
    await eachOf(ours, AT_ONCE, async ({ record }) => {
      if (record && alive(record)) await endProcess(record, 'SIGTERM');
      onProgress?.(++done, ours.length);
    });
    const gone = new Set(ours.map((o) => o.router));
    const wires = state.switches.filter((s) => s.kind === 'wire').map((s) => s.name);
    await killStrays(new Set([...gone, ...wires]));
    await eachOf(wires, AT_ONCE, removeSwitch);
    for (const { name: lan, kind } of state.switches) {
      if (kind !== 'switch') continue;
      await keepSwitch(lan, false);
      await detach(lan, gone);
    }
    for (const router of gone) forget(router);
    for (const tap of state.taps) removeTap(tap);
    forgetTopology(name);
    return {
      routers: [...gone],
      switches: state.switches.map((s) => s.name),
      taps: state.taps.map((t) => t.name),
    };
  });
}
