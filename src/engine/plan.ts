/** Writes a checked graph as the binary plan that engines install. The format is native/include/clicklet/plan.h. */

import type { ResolvedGraph } from '../graph/resolved-graph.ts';

const MAGIC = 0x4e4c504b;
const VERSION = 1;
const HEADER_BYTES = 68;
const ELEMENT_BYTES = 32;
const ARG_BYTES = 4;
const CONNECTION_BYTES = 12;

/** NUL-terminated strings, each stored once. */
class StringTable {
  readonly #offsets = new Map<string, number>();
  readonly #parts: Buffer[] = [];
  size = 0;

  add(text: string): number {
    let offset = this.#offsets.get(text);
    if (offset === undefined) {
      offset = this.size;
      const bytes = Buffer.from(`${text}\0`, 'utf8');
      this.#parts.push(bytes);
      this.#offsets.set(text, offset);
      this.size += bytes.length;
    }
    return offset;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

export interface PlanOptions {
  /** The configuration's text, for the handler `config`. */
  source?: string;
  /** Packets a task moves in one go; 0 lets the elements decide. */
  batch?: number;
  /** For each element the engine threads that have it, a bit each. */
  threads?: readonly number[];
}

/** The plan of a checked graph. Element and argument indexes in an engine's messages are those of the graph. */
export function writePlan(graph: ResolvedGraph, options: PlanOptions = {}): Uint8Array {
  const strings = new StringTable();
  strings.add('');
  const argCount = graph.elements.reduce((n, e) => n + e.args.length, 0);
  const portCount = graph.elements.reduce((n, e) => n + e.inputs.length + e.outputs.length, 0);
  const elementsAt = HEADER_BYTES;
  const argsAt = elementsAt + ELEMENT_BYTES * graph.elements.length;
  const connectionsAt = argsAt + ARG_BYTES * argCount;
  const portsAt = connectionsAt + CONNECTION_BYTES * graph.connections.length;
  const stringsAt = portsAt + portCount;
  const tables = Buffer.alloc(stringsAt);
  let arg = 0;
  let port = 0;
  for (const [i, e] of graph.elements.entries()) {
    const at = elementsAt + ELEMENT_BYTES * i;
    const config = e.args.map((a) => a.text).join(', ');
    for (const [k, value] of [e.name, e.class.name, e.landmark, config].entries())
      tables.writeUInt32LE(strings.add(value), at + 4 * k);
    tables.writeUInt32LE(arg, at + 16);
    tables.writeUInt16LE(e.args.length, at + 20);
    tables.writeUInt16LE(e.inputs.length, at + 22);
    tables.writeUInt16LE(e.outputs.length, at + 24);
    tables.writeUInt16LE(options.threads?.[i] ?? 0, at + 26);
    tables.writeUInt32LE(port, at + 28);
    for (const a of e.args) tables.writeUInt32LE(strings.add(a.text), argsAt + ARG_BYTES * arg++);
    for (const p of [...e.inputs, ...e.outputs]) tables[portsAt + port++] = p === 'pull' ? 1 : 0;
  }
  for (const [i, c] of graph.connections.entries()) {
    const at = connectionsAt + CONNECTION_BYTES * i;
    tables.writeUInt32LE(c.from, at);
    tables.writeUInt32LE(c.to, at + 4);
    tables.writeUInt16LE(c.fromPort, at + 8);
    tables.writeUInt16LE(c.toPort, at + 10);
  }
  const source = strings.add(options.source ?? '');
  const requirements = strings.add(
    graph.requirements.map((r) => `${r.type}${r.value ? ` ${r.value}` : ''}\n`).join(''),
  );
  const header = [
    MAGIC,
    VERSION,
    stringsAt + strings.size,
    0,
    options.batch ?? 0,
    elementsAt,
    graph.elements.length,
    argsAt,
    argCount,
    connectionsAt,
    graph.connections.length,
    portsAt,
    portCount,
    stringsAt,
    strings.size,
    source,
    requirements,
  ];
  for (const [i, value] of header.entries()) tables.writeUInt32LE(value, 4 * i);
  return Buffer.concat([tables, strings.bytes()]);
}
