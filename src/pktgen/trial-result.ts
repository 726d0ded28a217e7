/** From counters to figures. */

import { latencyCurve, latencyUs } from './histogram.ts';
import { lossRatio, type TrialResult, wireBits } from './results.ts';
import type { Counts } from './trial.ts';

/** What trial results say of the rate. */
export type RateKind = 'asked' | 'max' | 'trace';

/** The figures of one trial. `latency`: the trial that latency is taken from, if it is another. */
export function trialResult(
  label: string,
  rates: readonly number[],
  c: Counts,
  latency: Counts = c,
  kind: RateKind = rates.some((r) => r === 0) ? 'max' : 'asked',
): TrialResult {
  const d = c.durationS;
  const asked = rates.reduce((a, b) => a + b, 0);
  const txPps = c.tx.packets / d;
  return {
    size: /^\d+$/.test(label) ? Number(label) : label,
    offeredPps: kind === 'asked' ? asked : txPps,
    txPps,
    rxPps: c.rx.packets / d,
    lossRatio: lossRatio(c.tx.packets, c.rx.packets),
    latencyUs: latencyUs(latency.histogram),
    durationS: d,
    rate: kind === 'asked' ? asked : kind,
    txPackets: c.tx.packets,
    rxPackets: c.rx.packets,
    missedPackets: c.tx.missed,
    heldUpS: c.heldUpS,
    lost: c.rx.lost,
    reordered: c.rx.reordered,
    duplicates: c.rx.duplicates,
    foreign: c.rx.foreign,
    txBitsPerS: wireBits(c.tx.packets, c.tx.bytes, d),
    rxBitsPerS: wireBits(c.rx.packets, c.rx.bytes, d),
    latencyAt:
      latency === c
        ? null
        : {
            offeredPps: (latency.tx.packets + latency.tx.missed) / latency.durationS,
            rxPps: latency.rx.packets / latency.durationS,
            lossRatio: lossRatio(latency.tx.packets, latency.rx.packets),
            durationS: latency.durationS,
          },
    latencyAtMaxUs: latency === c ? null : latencyUs(c.histogram),
    latencyCurve: latencyCurve(latency.histogram),
    generatorMaxPps: null,
    generatorLimited: false,
    exitsPerMillionPackets: null,
    streams: c.streams,
  };
}
