/** A result for people. */

import { plainTable } from '../cli/table.ts';
import { placeOf } from './dut.ts';
import { timingText } from './environment.ts';
import { searchText } from './print-search.ts';
import type { BenchResult, TrialResult } from './results.ts';

export const mpps = (pps: number): string =>
  pps >= 1e6
    ? `${(pps / 1e6).toFixed(2)} Mpps`
    : pps >= 1e4
      ? `${(pps / 1e3).toFixed(1)} kpps`
      : `${pps.toFixed(0)} pps`;
/** With five digits: for rates whose differences matter. */
export const exactRate = (pps: number): string =>
  pps >= 1e6
    ? `${(pps / 1e6).toPrecision(5)} Mpps`
    : pps >= 1e4
      ? `${(pps / 1e3).toPrecision(5)} kpps`
      : `${pps.toFixed(0)} pps`;
export const gbit = (bits: number): string =>
  bits >= 1e9 ? `${(bits / 1e9).toFixed(2)} Gbit/s` : `${(bits / 1e6).toFixed(1)} Mbit/s`;
export const percent = (ratio: number): string =>
  ratio === 0 ? '0' : ratio < 1e-4 ? `${(ratio * 100).toExponential(1)} %` : `${(ratio * 100).toFixed(3)} %`;
export const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
export const micro = (us: number | undefined): string =>
  us === undefined ? '-' : us >= 1000 ? `${(us / 1000).toFixed(2)} ms` : `${us.toFixed(1)} µs`;
export const ms = (x: number | null): string => (x === null ? '-' : `${x.toFixed(2)} ms`);

/** The boot phases, memory, a line for each trial, and what qualifies the figures. */
export function resultText(r: BenchResult): string {
  const fused = r.dut.engine === 'fused' ? ', fused' : '';
  const lines = [`${r.config} as ${placeOf[r.dut.vmm]}${fused}: ${r.dut.why}`];
  if (r.interrupted) lines.push('interrupted before the end: this was measured until then');
  const b = r.dut.bootMs;
  if (b)
    lines.push(
      `boot       monitor ${ms(b.monitor)}, kernel ${ms(b.kernel)}, configured ${ms(b.configure)}, first packet forwarded ${ms(b.firstPacket)}`,
    );
  if (r.dut.memory)
    lines.push(
      `memory     guest ${mib(r.dut.memory.guestBytes)}, guest and monitor resident ${mib(r.dut.memory.residentBytes)}`,
    );
  const watched = watchedText(r);
  if (watched) lines.push(`watched    ${watched}`);
  if (r.generator.maxTxPps)
    lines.push(`generator  alone ${mpps(r.generator.maxTxPps)} sent and received on one thread`);
  lines.push(`timing     ${timingText(r.environment)}`, '');
  if (r.trials.length) lines.push(trialTable(r.trials), '');
  lines.push(...notes(r.trials));
  if (r.search) lines.push(...(lines.at(-1) ? [''] : []), ...searchText(r.search));
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Whether the host's hold-ups of a device that was not started here are known. */
export const watchedText = (r: BenchResult): string =>
  r.dut.watchedPid === undefined
    ? ''
    : r.dut.watchedPid === null
      ? 'the generator only: if the host keeps the device from running, its loss counts as its own'
      : `the generator, and process ${r.dut.watchedPid} behind the device`;

/** The rate of a trial, as it was asked for. */
export const rateText = (t: TrialResult): string =>
  t.rate === 'trace' ? 'as captured' : t.rate === 'max' ? 'max' : mpps(t.offeredPps);

function trialTable(trials: readonly TrialResult[]): string {
  const head = ['size', 'rate', 'sent', 'received', 'loss', 'latency p50', 'p99', 'max'];
  const rows = trials.map((t) => [
    String(t.size),
    rateText(t),
    mpps(t.txPps),
    mpps(t.rxPps),
    percent(t.lossRatio),
    micro(t.latencyUs?.p50),
    micro(t.latencyUs?.p99),
    micro(t.latencyUs?.max),
  ]);
  return plainTable(head, rows, 'right').trimEnd();
}

function notes(trials: readonly TrialResult[]): string[] {
  const lines: string[] = [];
  if (trials.some((t) => t.latencyAt)) {
    lines.push(
      'Latency is of a second trial at half the maximum rate: at the maximum it is the length of the queues',
    );
    for (const t of trials.filter((x) => x.latencyAt))
      lines.push(
        `  size ${t.size}: at ${mpps(t.latencyAt!.offeredPps)} with ${percent(t.latencyAt!.lossRatio)} loss; at the maximum p50 ${micro(t.latencyAtMaxUs?.p50)}, p99 ${micro(t.latencyAtMaxUs?.p99)}`,
      );
  }
  for (const t of trials) {
    if (t.missedPackets)
      lines.push(
        `size ${t.size}: the generator fell behind and left out ${t.missedPackets} packets (${percent(t.missedPackets / (t.missedPackets + t.txPackets))} of those offered)`,
      );
    const held = heldUpText(t);
    if (held) lines.push(`size ${t.size}: ${held}`);
    if (t.generatorLimited)
      lines.push(
        `size ${t.size}: this is close to what the generator can do alone; the router may be faster`,
      );
    if (t.streams && t.streams.length > 1) lines.push(...streamLines(t));
    if (t.reordered || t.duplicates)
      lines.push(`size ${t.size}: ${t.reordered} packets reordered, ${t.duplicates} duplicates`);
    if (t.untracked) lines.push(...untrackedLines(t, t.untracked));
    if (t.exitsPerMillionPackets !== null)
      lines.push(
        `size ${t.size}: ${t.exitsPerMillionPackets.toFixed(1)} exits from the guest for a million packets`,
      );
  }
  return lines;
}

/** What the host did to a trial, if it is worth a sentence: 1 ms or more. */
export function heldUpText(t: TrialResult): string {
  const of = (name: string, s: number | null | undefined) =>
    (s ?? 0) >= 0.001 ? [`the ${name} from running for ${ms(s! * 1000)}`] : [];
  const list = [...of('generator', t.heldUpS?.generator), ...of('router', t.heldUpS?.router)];
  return list.length ? `the host kept ${list.join(', and ')}` : '';
}

/** What frames without a signature cannot tell. */
export function untrackedLines(t: TrialResult, u: NonNullable<TrialResult['untracked']>): string[] {
  const requests = u.arpRequests ? `, ${u.arpRequests} of them ARP requests` : '';
  const lines = [
    `size ${t.size}: ${t.txPackets} frames sent, ${t.rxPackets} came back${requests}: without a signature every frame that comes is counted, also the router's own; order and latency are not known`,
  ];
  if (u.tracePackets !== null && t.txPackets < u.tracePackets)
    lines.push(
      `size ${t.size}: the trace has ${u.tracePackets} packets: not all were sent in ${t.durationS.toFixed(1)} s, give a longer --duration`,
    );
  return lines;
}

/** Streams of which something is missing or out of order; one line if all is well. */
function streamLines(t: TrialResult): string[] {
  const odd = t.streams!.filter(
    (s) => s.tracked !== false && (s.packets < s.txPackets || s.reordered || s.duplicates),
  );
  return odd.map(
    (s) =>
      `size ${t.size}, stream ${s.stream}: ${s.txPackets - s.packets} of ${s.txPackets} packets not received, ${s.reordered} reordered, ${s.duplicates} duplicates`,
  );
}
