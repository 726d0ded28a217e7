/** Ports of virtual routers as they are written on the command line and in topology files: `KIND:ARG[,OPTION=..]`. */

import { wireName } from '../topology/state.ts';
import { attach, detach, type Wanted } from '../topology/switches.ts';
import { VmError } from './errors.ts';

export const PORT_KINDS = ['tap', 'vhost-user', 'switch', 'link'] as const;

export interface PortSpec {
  kind: string;
  arg: string;
  mac: string | undefined;
  /** A switch's VLAN for this port: access, or `trunk` with tags. */
  vlan: number | 'trunk' | undefined;
}

/** Split a port. What is not a port has kind ''. */
export function parsePort(spec: string): PortSpec {
  const none: PortSpec = { kind: '', arg: spec, mac: undefined, vlan: undefined };
  const m = /^([a-z-]+):(.*?)((?:,(?:mac=[0-9a-fA-F:]{17}|vlan=(?:\d{1,4}|trunk)))*)$/.exec(spec);
  if (!m) return none;
  const [, kind, arg, options] = m as unknown as [string, string, string, string];
  const mac = /,mac=([^,]+)/.exec(options)?.[1];
  const vlan = /,vlan=([^,]+)/.exec(options)?.[1];
  return { kind, arg, mac, vlan: vlan === undefined || vlan === 'trunk' ? vlan : Number(vlan) };
}

/** What is wrong with a port, or undefined. */
export function portProblem(
  spec: string,
  kinds: readonly string[] = ['tap', 'vhost-user', 'switch'],
): string | undefined {
  const { kind, arg, mac, vlan } = parsePort(spec);
  const forms: Record<string, string> = {
    tap: 'tap:IFNAME',
    'vhost-user': 'vhost-user:SOCKET',
    switch: 'switch:NAME',
    link: 'link:NAME',
  };
  const list = kinds.map((k) => forms[k]!);
  if (!kinds.includes(kind) || !arg)
    return `'${spec}' is not a port: expected ${list.slice(0, -1).join(', ')} or ${list.at(-1)}`;
  if (vlan !== undefined && kind !== 'switch') return `'${spec}': only a switch has VLANs`;
  if (typeof vlan === 'number' && (vlan < 1 || vlan > 4094))
    return `'${spec}': a VLAN is 1 to 4094, or trunk`;
  if (mac && Number.parseInt(mac.slice(0, 2), 16) & 1) return `'${spec}': ${mac} is a group address`;
  if (kind === 'switch' && !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(arg))
    return `'${arg}' cannot be the name of a switch: letters, digits, '.', '_' and '-', 63 at most`;
  return undefined;
}

/** An address for a port on a switch, the same at each boot of a router of that name. */
export function defaultMac(router: string, port: number): string {
  let h = 0xcbf29ce484222325n; // FNV-1a
  for (const byte of Buffer.from(`${router}/${port}`))
    h = ((h ^ BigInt(byte)) * 0x100000001b3n) & (2n ** 64n - 1n);
  const bytes = [0x02, ...[0n, 8n, 16n, 24n, 32n].map((shift) => Number((h >> shift) & 0xffn))];
  return bytes.map((b) => b.toString(16).padStart(2, '0')).join(':');
}

const wantedOf = (router: string, port: number, { vlan }: PortSpec): Wanted => ({
  router,
  port,
  ...(vlan !== undefined && { vlan }),
});

/** The monitor's port for one on a switch that listens at `socket`. */
export const switchedPort = (router: string, port: number, spec: PortSpec, socket: string): string =>
  `vhost-user:${socket},mac=${spec.mac ?? defaultMac(router, port)}`;

/**
 * Attach a router's ports to their switches, which are started if need be; the ports as the monitor takes them. Links
 * are those of the topology it belongs to, which is up.
 */
export async function attachPorts(
  router: string,
  ports: readonly string[],
  topology?: string,
): Promise<string[]> {
  const result: string[] = [];
  for (const [i, text] of ports.entries()) {
    const spec = parsePort(text);
    if (spec.kind === 'link' && topology === undefined)
      throw new VmError(
        `'${text}' is a link of a topology that is not up with a router '${router}': give '${router}' ports of its own with --port`,
        2,
      );
    if (spec.kind !== 'switch' && spec.kind !== 'link') {
      result.push(text);
      continue;
    }
    const link = spec.kind === 'link';
    const name = link ? wireName(topology!, spec.arg) : spec.arg;
    const [socket] = await attach(
      name,
      [wantedOf(router, i, spec)],
      link ? { kind: 'wire', keep: true } : {},
    );
    result.push(switchedPort(router, i, spec, socket!));
  }
  return result;
}

/** Take a router's ports off their switches. A switch that nobody uses any more ends. */
export async function detachPorts(router: string, ports: readonly string[]): Promise<void> {
  const names = new Set(ports.map(parsePort).flatMap(({ kind, arg }) => (kind === 'switch' ? [arg] : [])));
  for (const name of names) await detach(name, new Set([router]));
}
