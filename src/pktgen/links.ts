/** Waiting for the devices that connect to the generator's vhost-user sockets. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Observer } from './bench.ts';
import { sender } from './graph.ts';
import type { Handlers } from './trial.ts';
import { BenchError } from './warm-up.ts';

/** Time to start a device by hand in another window. */
const LIMIT_S = 60;
const POLL_MS = 20;

/** Waits until the other side of each port is there. `specs`: by port; those that `g` does not send to are undefined. */
export async function waitForLinks(
  g: Handlers,
  specs: readonly (string | undefined)[],
  o: { observe?: Observer | undefined; signal?: AbortSignal | undefined; limitS?: number },
): Promise<void> {
  const { limitS = LIMIT_S } = o;
  const end = performance.now() + limitS * 1000;
  for (let told = false; ; told = true) {
    const missing: string[] = [];
    for (const [port, spec] of specs.entries())
      if (spec !== undefined && (await g.read(`${sender(port)}.carrier`)).trim() !== 'true')
        missing.push(spec);
    if (!missing.length) return;
    const list = missing.join(', ');
    if (!told) o.observe?.step?.(`waiting for a device to connect to ${list}`);
    if (performance.now() > end) throw new BenchError(`no device connected to ${list} in ${limitS} s`);
    await sleep(POLL_MS, undefined, o.signal ? { signal: o.signal } : {});
  }
}
