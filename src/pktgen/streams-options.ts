/** The streams of a command: from a YAML file, or from its flags. */

import { readConfig } from '../cli/load.ts';
import { CliError, EXIT } from '../cli/output.ts';
import { readStreams, type Stream, StreamError } from './stream.ts';
import { parseLineRate } from './stream-rate.ts';
import type { StreamInput } from './stream-schema.ts';

export interface StreamFlags {
  streams?: string;
  layers?: string;
  replay?: string;
  speed?: string;
  loop?: string;
  bidirectional?: boolean;
  src?: string;
  dst?: string;
  srcMac?: string;
  dstMac?: string;
  gateway?: string;
  srcPort?: string;
  dstPort?: string;
  pace?: string;
  burst?: string;
  seed?: string;
  lineRate?: string;
  track?: boolean;
}

const numbers = ['speed', 'loop', 'burst', 'seed'] as const;
/** Flags that describe one stream and say nothing beside a file of streams. */
const single = [
  ...['src', 'dst', 'srcMac', 'dstMac', 'gateway', 'srcPort', 'dstPort', 'pace', 'burst', 'seed'],
  ...['layers', 'replay', 'speed', 'loop', 'bidirectional'],
] as const;

export function lineRateOf(o: Pick<StreamFlags, 'lineRate'>): number | undefined {
  if (o.lineRate === undefined) return undefined;
  const bits = parseLineRate(o.lineRate);
  if (Number.isFinite(bits)) return bits;
  throw new CliError(`--line-rate '${o.lineRate}': expected bits a second such as 10G`, EXIT.usage);
}

const flagName = (key: string): string => `--${key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

/** Throws StreamError with every mistake. `first`: what else is said of the stream of the flags. */
export async function streamsOf(o: StreamFlags, first: StreamInput = {}): Promise<Stream[]> {
  const lineRate = lineRateOf(o);
  if (o.streams !== undefined) {
    const beside = single.find((key) => o[key as keyof StreamFlags] !== undefined);
    if (beside) throw new CliError(`${flagName(beside)} and --streams exclude each other`, EXIT.usage);
    const { parseStreamFile } = await import('./streams-file.ts');
    const { text, file } = readConfig(o.streams);
    return parseStreamFile(text, file, lineRate);
  }
  const stream: Record<string, unknown> = { ...first };
  for (const key of ['src', 'dst', 'srcMac', 'dstMac', 'gateway', 'srcPort', 'dstPort', 'pace'] as const)
    if (o[key] !== undefined) stream[key] = o[key];
  const values = Object.fromEntries(
    numbers.flatMap((key) => (o[key] === undefined ? [] : [[key, Number(o[key])]])),
  );
  for (const key of ['burst', 'seed']) if (values[key] !== undefined) stream[key] = values[key];
  if (o.bidirectional) stream.bidirectional = true;
  if (o.track === false) stream.track = false;
  if (o.layers !== undefined) {
    const { parseLayersFlag } = await import('./streams-flags.ts');
    stream.layers = parseLayersFlag(o.layers);
  }
  if (o.replay !== undefined) {
    const { speed = 1, loop = 1 } = values;
    stream.replay = { file: o.replay, speed, loop };
  } else if (o.speed !== undefined || o.loop !== undefined)
    throw new StreamError('--speed and --loop are of --replay');
  const { streams, issues } = readStreams({ streams: [stream] }, { lineRate, folder: '' });
  if (issues.length)
    throw new StreamError(issues.map((i) => flagMessage(i.path.slice(2), i.message)).join('\n'));
  return streams;
}

/** A mistake in the stream of the flags, by the flag that it is in. */
function flagMessage([key, ...rest]: (string | number)[], text: string): string {
  if (key === undefined) return text;
  const place = key === 'layers' ? rest.map((x) => (typeof x === 'number' ? `header ${x + 1}` : x)) : rest;
  return `${[flagName(String(key)), ...place].join(' ')}: ${text}`;
}
