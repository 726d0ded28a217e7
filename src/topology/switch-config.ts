/** The configuration of a host switch: Click text made from the list of its ports. */

/** `vlan`: an access port's VLAN, `trunk` for all VLANs with their tags, undefined for untagged frames. */
export interface SwitchPort {
  /** Never used again for another port of the switch, so that nothing kept for one reaches another. */
  id: number;
  router: string;
  /** The router's port. */
  port: number;
  vlan?: number | 'trunk';
}

export type SwitchKind = 'switch' | 'wire';

/** Frames kept for a port while its router is busy or away. */
const QUEUE = 256;
/** Whole frames, whatever their length. */
const receive = (device: string): string => `FromDevice(${device}, SNAPLEN 65535)`;

/**
 * Click text. A port's place in `ports` is its number in the switch; empty places keep the numbers of the others.
 * `device` gives the port's device spec.
 */
export function switchText(
  kind: SwitchKind,
  ports: readonly (SwitchPort | null)[],
  device: (port: SwitchPort) => string,
): string {
  const present = ports.filter((p) => p !== null).sort((a, b) => a.id - b.id); // as their devices are opened
  const spec = (p: SwitchPort) => JSON.stringify(device(p));
  if (kind === 'wire') return wireText(present, spec);
  const vlans = new Set(present.map((p) => p.vlan).filter((v) => v !== undefined && v !== 'trunk'));
  const trunks = present.some((p) => p.vlan === 'trunk');
  const untagged = trunks || vlans.size === 0 || present.some((p) => p.vlan === undefined);
  const switches = [...(untagged ? [0] : []), ...[...vlans].sort((a, b) => a - b)];
  const lines: string[] = [];
  for (const v of switches) lines.push(`${switchName(v)} :: EtherSwitch;`);
  const number = new Map(ports.map((p, i) => [p, i]));
  for (const p of present) {
    const i = number.get(p)!;
    lines.push(
      `q${p.id} :: Queue(${QUEUE}) -> out${p.id} :: ToDevice(${spec(p)});`,
      `in${p.id} :: ${receive(spec(p))}${p.vlan === 'trunk' ? trunkText(p.id, i, switches) : accessText(p, i)}`,
    );
  }
  for (const v of switches) {
    const here = (p: SwitchPort | null) => p !== null && (p.vlan === 'trunk' || (p.vlan ?? 0) === v);
    for (let i = 0; i < Math.max(2, ports.length); i++)
      if (!here(ports[i] ?? null)) lines.push(`Idle -> [${i}] ${switchName(v)} [${i}] -> Discard;`);
  }
  return `${lines.join('\n')}\n`;
}

const switchName = (vlan: number): string => (vlan === 0 ? 'sw' : `sw${vlan}`);

/** A tagged frame on an access port, or one of a VLAN that is not there, goes nowhere. */
function accessText(p: SwitchPort, i: number): string {
  const name = switchName((p.vlan as number | undefined) ?? 0);
  return p.vlan === undefined
    ? ` -> [${i}] ${name} [${i}] -> q${p.id};`
    : ` -> tag${p.id} :: Classifier(12/8100, -) -> Discard; tag${p.id}[1] -> [${i}] ${name} [${i}] -> q${p.id};`;
}

function trunkText(id: number, i: number, vlans: readonly number[]): string {
  const tagged = vlans.filter((v) => v !== 0);
  const patterns = tagged.map((v) => `12/8100 14/${v.toString(16).padStart(4, '0')}%0fff`);
  const tag = `tag${id} :: Classifier(${[...patterns, '12/8100', '-'].join(', ')})`;
  const lines = [` -> ${tag};`];
  for (const [k, v] of tagged.entries())
    lines.push(
      `tag${id}[${k}] -> VLANDecap -> [${i}] ${switchName(v)} [${i}] -> VLANEncap(VLAN_ID ${v}) -> q${id};`,
    );
  lines.push(`tag${id}[${tagged.length}] -> Discard;`);
  lines.push(`tag${id}[${tagged.length + 1}] -> [${i}] sw [${i}] -> q${id};`);
  return lines.join('\n');
}

/** Two ports joined; frames for an end that is not there wait or are dropped. */
function wireText(ports: readonly SwitchPort[], spec: (p: SwitchPort) => string): string {
  const to = (p: SwitchPort | undefined) =>
    p ? `q${p.id} :: Queue(${2 * QUEUE}) -> out${p.id} :: ToDevice(${spec(p)});` : '';
  const [a, b] = ports;
  if (a && b)
    return `${to(a)}\n${to(b)}\nin${a.id} :: ${receive(spec(a))} -> q${b.id};\nin${b.id} :: ${receive(spec(b))} -> q${a.id};\n`;
  return a ? `in${a.id} :: ${receive(spec(a))} -> Discard;\n` : '';
}
