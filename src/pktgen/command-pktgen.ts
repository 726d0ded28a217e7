/** What `clicklet pktgen` does. Loaded only when it is asked for. */

import { CliError, EXIT, message, print } from '../cli/output.ts';
import { plainTable } from '../cli/table.ts';
import { captureStreams, firstFrames, hexLines } from './capture.ts';
import { seconds } from './command-bench.ts';
import { completeStream } from './discover.ts';
import { portsOfDut } from './dut.ts';
import { timingText } from './environment.ts';
import { type ExchangeResult, exchange, type Pacing } from './exchange.ts';
import { type LoopbackResult, loopback } from './loopback.ts';
import { gbit, micro, mpps, percent } from './print.ts';
import { atHighPriority } from './priority.ts';
import { chooseDisplay, type Display } from './progress.ts';
import { shown } from './shown.ts';
import { isTracked, type Stream, shareOf } from './stream.ts';
import { DEFAULT_LINE_RATE, loadPps, parseLoad, RATE_HELP, WIRE_OVERHEAD } from './stream-rate.ts';
import { meanSize, parseSizes } from './stream-size.ts';
import { lineRateOf, type StreamFlags, streamsOf } from './streams-options.ts';

export interface PktgenFlags extends StreamFlags {
  port?: string[];
  dut?: string;
  size?: string;
  rate?: string;
  duration: string;
  count?: string;
  cpu?: string;
  dryRun?: boolean;
  print?: string | true;
  output?: string;
  loopback?: boolean;
  graph?: boolean;
  json?: boolean;
}

const whole = (flag: string, text: string, least: number): number => {
  if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
  throw new CliError(`${flag} '${text}': expected a whole number from ${least} on`, EXIT.usage);
};

const sizeOf = (s: Stream): number => {
  const sizes = parseSizes(s.size);
  return typeof sizes === 'string' ? 64 : meanSize(sizes);
};

/** A rate for all streams together, divided by their weights. */
export function shareRate(text: string, streams: readonly Stream[], lineRate = DEFAULT_LINE_RATE): Stream[] {
  const load = parseLoad(text);
  if (!load) throw new CliError(`--rate '${text}': expected ${RATE_HELP}`, EXIT.usage);
  const weights = streams.reduce((n, s) => n + s.weight, 0);
  const mean = streams.reduce((n, s) => n + sizeOf(s) * s.weight, 0) / weights;
  const total = loadPps(load, mean, lineRate);
  const share = shareOf(streams);
  return streams.map((s, i) => {
    const value = total * share[i]!;
    return { ...s, rate: value, load: { unit: 'pps', value } };
  });
}

/** Returns the exit status. */
export async function pktgen(o: PktgenFlags): Promise<number> {
  if (o.dut !== undefined && o.port) throw new CliError('--dut and --port exclude each other', EXIT.usage);
  const ports = o.dut === undefined ? (o.port ?? []) : portsOfDut(o.dut);
  const offline = o.graph || o.dryRun || o.print !== undefined || o.output !== undefined || o.loopback;
  if (!ports.length && !offline)
    throw new CliError(
      'give at least one --port to send to, as tap:NAME, vhost-user:SOCKET or an interface, or --dry-run, --print, -o FILE or --loopback',
      EXIT.usage,
    );
  const durationS = seconds(o.duration);
  const count = o.count === undefined ? undefined : whole('--count', o.count, 1);
  const cpu = o.cpu === undefined ? undefined : whole('--cpu', o.cpu, 0);
  const last = Math.max(1, ports.length) - 1;
  let streams = await streamsOf(o, {
    ...(o.size === undefined || o.streams !== undefined ? {} : { size: o.size }),
    to: offline ? 1 : Math.min(1, last),
  });
  if (o.size !== undefined && o.streams !== undefined)
    throw new CliError('--size and --streams exclude each other: the file says the sizes', EXIT.usage);
  if (o.rate !== undefined) streams = shareRate(o.rate, streams, lineRateOf(o));
  streams = streams.map((s) => completeStream(s, new Map()));

  if (o.dryRun) return dryRun(streams, o.json);
  if (o.print !== undefined) return printFrames(streams, o.print === true ? 1 : whole('--print', o.print, 1));
  if (o.output !== undefined) {
    const n = await captureStreams(streams, count ?? 100, o.output);
    message(`${o.output}: ${n} frames\n`);
    return EXIT.ok;
  }
  const beyond = Math.max(...streams.flatMap((s) => [s.from, s.to]));
  if (o.graph) {
    const { generatorGraph } = await import('./graph.ts');
    print(`${generatorGraph(Math.max(beyond + 1, ports.length), streams).text}\n`);
    return EXIT.ok;
  }
  const display = await chooseDisplay(o.json);
  if (o.loopback) return limit(streams[0]!, durationS, display, o.json);
  if (beyond > last)
    throw new CliError(
      `a stream uses port ${beyond}, but there ${last ? `are only ports 0 to ${last}` : 'is only port 0'}`,
      EXIT.usage,
    );
  const { result, status } = await shown(display, (signal) =>
    atHighPriority(() => exchange({ signal, ports, streams, durationS, count, cpu, observe: display })),
  );
  print(o.json ? `${JSON.stringify(result, null, 2)}\n` : exchangeText(result, streams));
  return status;
}

function describe(s: Stream, i: number) {
  const mean = sizeOf(s);
  return {
    stream: i,
    name: s.name ?? null,
    from: s.from,
    to: s.to,
    headers: s.replay ? `replay ${s.replay.file}` : s.layers.map((l) => l.name).join('/'),
    size: s.replay ? null : s.size,
    pps: s.rate,
    bitsPerS: s.replay ? null : s.rate * (mean + WIRE_OVERHEAD) * 8,
    pace: s.burst > 1 ? `bursts of ${s.burst}, ${s.pace}` : s.pace,
  };
}

function dryRun(streams: readonly Stream[], json: boolean | undefined): number {
  const list = streams.map(describe);
  if (json) {
    print(`${JSON.stringify({ version: 1, streams: list }, null, 2)}\n`);
    return EXIT.ok;
  }
  const rows = list.map((d) => [
    String(d.stream),
    d.name ?? '',
    `${d.from} to ${d.to}`,
    d.headers,
    d.size ?? '',
    d.pps ? mpps(d.pps) : d.size === null ? 'as captured' : 'max',
    d.pps && d.bitsPerS !== null ? gbit(d.bitsPerS) : '',
    d.pace,
  ]);
  print(plainTable(['stream', 'name', 'ports', 'headers', 'size', 'rate', 'on the wire', 'pace'], rows));
  return EXIT.ok;
}

async function printFrames(streams: readonly Stream[], count: number): Promise<number> {
  const frames = await firstFrames(streams, count);
  for (const [i, f] of frames.entries())
    print(`frame ${i}, ${f.data.length} bytes, at ${f.time.toFixed(6)} s\n${hexLines(f.data)}\n`);
  return EXIT.ok;
}

async function limit(
  stream: Stream,
  durationS: number,
  display: Display,
  json: boolean | undefined,
): Promise<number> {
  const { result: r, status } = await shown(display, (signal) =>
    atHighPriority(() => loopback(stream, durationS, signal)),
  );
  print(json ? `${JSON.stringify(r, null, 2)}\n` : loopbackText(r));
  return status;
}

const loopbackText = (r: LoopbackResult): string =>
  [
    `size ${r.size}`,
    `source    ${mpps(r.sourcePps)} made and thrown away, on one core`,
    `sent      ${mpps(r.sentPps)} into a shared-memory port, on one core`,
    `received  ${mpps(r.receivedPps)} and checked, on another; lost ${r.lost}`,
    '',
  ].join('\n');

function pacingText(p: Pacing): string {
  const name = `stream ${p.stream}${p.name ? ` (${p.name})` : ''}`;
  if (p.errorRatio === null) return `${name}: ${mpps(p.achievedPps)}`;
  const late = p.lateUs ? `, late p99 ${micro(p.lateUs.p99)}, max ${micro(p.lateUs.max)}` : '';
  return `${name}: asked ${mpps(p.askedPps)}, off by ${(p.errorRatio * 100).toFixed(4)} %${late}`;
}

function exchangeText(r: ExchangeResult, streams: readonly Stream[]): string {
  const t = r.trials[0]!;
  const lines = [
    `sent      ${t.txPackets} packets, ${mpps(t.txPps)}, ${gbit(t.txBitsPerS)} on the wire, in ${t.durationS.toFixed(2)} s`,
    `received  ${t.rxPackets} packets, ${mpps(t.rxPps)}; not received ${percent(t.lossRatio)}; others ${t.foreign}`,
    ...r.pacing.map((p) => `pace      ${pacingText(p)}`),
  ];
  if (!streams.every(isTracked))
    lines.push('          (replayed and untracked packets that come back count as others)');
  if (t.missedPackets) lines.push(`missed    ${t.missedPackets} packets could not be sent in time`);
  if (t.rxPackets)
    lines.push(
      `order     ${t.lost} missing in between, ${t.reordered} reordered, ${t.duplicates} duplicates`,
    );
  if (t.latencyUs)
    lines.push(
      `latency   p50 ${micro(t.latencyUs.p50)}, p99 ${micro(t.latencyUs.p99)}, p99.9 ${micro(t.latencyUs.p999)}, max ${micro(t.latencyUs.max)}`,
      `timing    ${timingText(r.environment)}`,
    );
  return `${lines.join('\n')}\n`;
}
