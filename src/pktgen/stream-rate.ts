/** Rates: packets a second, bits a second, or a part of a line's rate. */

/** What a frame takes on the wire beyond itself: preamble, start delimiter and gap, in bytes. */
export const WIRE_OVERHEAD = 20;
export const DEFAULT_LINE_RATE = 10e9;

export type Load =
  | { unit: 'pps'; value: number }
  /** Bits a second: layer 1 with preamble and gap, layer 2 the frames with their check sequences. */
  | { unit: 'bits'; value: number; layer: 1 | 2 }
  | { unit: 'percent'; value: number };

const scale = (letter: string): number => 1000 ** ['', 'k', 'M', 'G'].indexOf(letter);

export const RATE_HELP =
  "packets a second such as 1000000, 250k or 5M, bits a second such as 2.5Gbit/s or '2.5Gbit/s L2', a part of the line's rate such as 50%, or max";

/** No line is faster, in bits or packets a second. */
const MOST = 1e12;

/** Read a rate; undefined if it is none. `max` is 0 packets a second: as fast as they are taken. */
export function parseLoad(value: string | number): Load | undefined {
  const load = readLoad(value);
  return load && load.value <= MOST ? load : undefined;
}

function readLoad(value: string | number): Load | undefined {
  if (typeof value === 'number') return value >= 0 ? { unit: 'pps', value } : undefined;
  const text = value.trim();
  if (/^max$/i.test(text)) return { unit: 'pps', value: 0 };
  const percent = /^(\d+(?:\.\d+)?) *%$/.exec(text);
  if (percent) return Number(percent[1]) > 0 ? { unit: 'percent', value: Number(percent[1]) } : undefined;
  const bits = /^(\d+(?:\.\d+)?) *([kMG]?)(?:bit\/s|bps)(?: +L([12]))?$/.exec(text);
  if (bits) return { unit: 'bits', value: Number(bits[1]) * scale(bits[2]!), layer: bits[3] === '2' ? 2 : 1 };
  const m = /^(\d+(?:\.\d+)?(?:e\d+)?)\s*([kMG]?)(?:pps)?$/.exec(text);
  return m ? { unit: 'pps', value: Number(m[1]) * scale(m[2]!) } : undefined;
}

/** Packets a second for frames of `size` bytes in the mean, frame check sequence included. */
export function loadPps(load: Load, size: number, lineRate = DEFAULT_LINE_RATE): number {
  if (load.unit === 'pps') return load.value;
  if (load.unit === 'percent') return ((load.value / 100) * lineRate) / 8 / (size + WIRE_OVERHEAD);
  return load.value / 8 / (size + (load.layer === 1 ? WIRE_OVERHEAD : 0));
}

/** Read packets a second: `5M`, `250k`, `1.5e6`, `max`. NaN if it is none; 0 is as fast as possible. */
export function parseRate(text: string | number): number {
  const load = parseLoad(text);
  return load?.unit === 'pps' ? load.value : Number.NaN;
}

/** Read a line's rate in bits a second: `10G`, `25Gbit/s`, `100M`. NaN if it is none. */
export function parseLineRate(text: string | number): number {
  const m = /^(\d+(?:\.\d+)?) *([kMG]?)(?:bit\/s|bps)?$/.exec(String(text).trim());
  return m && Number(m[1]) > 0 ? Number(m[1]) * scale(m[2]!) : Number.NaN;
}
