/** What can be wrong with the TAP interfaces of a topology. */

import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Diagnostics } from '../lang/diagnostics.ts';
import type { Span } from '../lang/source.ts';
import type { LocatedDocument } from './document.ts';
import type { TopologyTap } from './load.ts';
import { tapExists } from './taps.ts';

/** `ends`: all ports by what they attach to. */
export function checkTaps(
  taps: readonly TopologyTap[],
  ends: ReadonlyMap<string, readonly Span[]>,
  document: LocatedDocument,
  diagnostics: Diagnostics,
  isTap: (name: string) => boolean = tapExists,
): void {
  const made = new Set(taps.map((t) => t.name));
  for (const { name, netns, address, gateway } of taps) {
    const at = (key: string) => document.at(['taps', name, key]);
    const key = document.key(['taps', name]);
    if (!/^(?!\.{1,2}$)[^\s/:%]{1,15}$/.test(name))
      diagnostics.error(
        key,
        `'${name}' cannot be an interface: 15 characters at most, none of them '/', ':', '%' or a space`,
      );
    if (!ends.has(`tap:${name}`)) diagnostics.error(key, `no router has a port tap:${name}`);
    if (netns !== undefined && !existsSync(join('/run/netns', netns)))
      diagnostics.error(at('netns'), `there is no network namespace ${netns}: ip netns add ${netns}`);
    if (address !== undefined && !isPrefix(address))
      diagnostics.error(at('address'), `'${address}' is not an address with a prefix, as 10.0.0.2/24`);
    if (gateway !== undefined && netns === undefined)
      diagnostics.error(at('gateway'), "a gateway is for a TAP with 'netns': the host keeps its own routes");
    else if (gateway !== undefined && !isIP(gateway))
      diagnostics.error(at('gateway'), `'${gateway}' is not an address`);
  }
  for (const [end, [span]] of ends) {
    const name = /^tap:(.*)/.exec(end)?.[1];
    if (name !== undefined && !made.has(name) && !isTap(name))
      diagnostics.error(
        span,
        `there is no TAP interface ${name}: make it with 'ip tuntap add dev ${name} mode tap', or list it under 'taps:' for 'up' to make`,
      );
  }
}

/** An address of either version, `/` and the length of its network's prefix. */
function isPrefix(text: string): boolean {
  const [address = '', length = '', ...more] = text.split('/');
  const bits = { 4: 32, 6: 128 }[isIP(address)];
  return bits !== undefined && /^\d{1,3}$/.test(length) && Number(length) <= bits && !more.length;
}
