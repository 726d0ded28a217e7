/** Which ports a configuration uses: the numbers of its FromDevice and ToDevice elements. */

import type { FlatGraph } from '../graph/flat-graph.ts';
import type { Span } from '../lang/source.ts';

export interface DeviceUse {
  number: number;
  element: string;
  span: Span | undefined;
}

/** `FromDevice(0)` and `ToDevice(eth0)` are port 0; devices with other names are left out. */
export function devicesOf(graph: FlatGraph): DeviceUse[] {
  return graph.elements.flatMap(({ name, className, args, span }) => {
    if (className !== 'FromDevice' && className !== 'ToDevice') return [];
    const first = args[0];
    const number = /^(?:DEVNAME\s+)?"?(?:eth)?(\d{1,5})"?$/.exec(first?.text.trim() ?? '')?.[1];
    return number === undefined ? [] : [{ number: Number(number), element: name, span: first?.span ?? span }];
  });
}
