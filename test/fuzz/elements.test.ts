/**
 * Packets can do nothing to an element but be dropped: every element that takes packets is fed malformed ones and some of
 * every length from 0 to 128, alone, in an engine built with sanitizers. How it is configured comes from the example in its
 * own documentation, which thereby is shown to be a configuration. CLICKLET_FUZZ_SEED and CLICKLET_FUZZ_PACKETS choose others, or more.
 */

import { beforeAll, describe, expect, it } from 'vitest';
import { compilePlan } from '../../src/engine/router.ts';
import { classTable } from '../../src/engine/table.ts';
import type { ResolvedElement } from '../../src/graph/resolved-graph.ts';
import { exampleOf, HOST_ONLY, sinks } from './examples.ts';
import { pcap, randomPackets } from './fused-packets.ts';
import { Random } from './random.ts';
import { buildSanitized, runSanitized } from './sanitized.ts';

const SEED = Number(process.env.CLICKLET_FUZZ_SEED ?? 1);
/** Of every length from 0 to 128, and some longer ones. */
const FILE = pcap(randomPackets(new Random(SEED), 300), { before: 0, behind: 0 });
/** At the first input, which may be slow by design; the other inputs go on meanwhile. */
const PACKETS = Number(process.env.CLICKLET_FUZZ_PACKETS ?? 120);

/** Ways for packets to reach an element: as frames, and with the network header set at the right or a wrong place. */
const PREFIXES = [
  '',
  '-> MarkIPHeader(14) ',
  '-> Strip(14) -> MarkIPHeader ',
  '-> Strip(14) -> CheckIPHeader(VERBOSE false) ',
];

/** What else must be there for an element to be configured. */
const COMPANIONS: Record<string, string> = {
  AggregateFirst: 'f :: AggregateIPFlows; Idle -> f -> Discard;',
  EtherSpanTree:
    'Idle -> a :: Suppressor -> s :: EtherSwitch -> b :: Suppressor -> Discard; Idle -> [1] a [1] -> [1] s [1] -> [1] b [1] -> Discard;',
  FTPPortMapper:
    'rw :: TCPRewriter(pattern 10.0.0.1 1024-65535 - - 0 1, drop); Idle -> rw -> Discard; Idle -> [1] rw [1] -> Discard;',
  ICMPRewriter: 'rw :: IPRewriter(pattern 10.0.0.1 1024-65535 - - 0 0); Idle -> rw -> Discard;',
  SpinlockAcquire: 'SpinlockInfo(l);',
  SpinlockPush: 'SpinlockInfo(l);',
  SpinlockRelease: 'SpinlockInfo(l);',
  ToIPFlowDumps: 'a :: AggregateIPFlows; Idle -> a -> Discard;',
};

/** The element of the example, once for each prefix, with malformed packets at every input. */
function harness(e: ResolvedElement): string {
  const args = e.args.map((a) => a.text).join(', ');
  const lines = [COMPANIONS[e.className] ?? '', 'DriverManager(pause, pause);'];
  for (const [k, prefix] of PREFIXES.entries()) {
    lines.push(`x${k} :: ${e.className}(${args});`);
    for (const [i, processing] of e.inputs.entries()) {
      const first = i === 0 && k === 0;
      const stop = first ? `, LIMIT ${PACKETS}, STOP true` : '';
      const queue = processing === 'pull' ? '-> Queue ' : '';
      lines.push(
        `MalformedSource(02:00:00:00:00:10, SEED ${1000 * SEED + 100 * k + i}${stop}) ${prefix}-> in${k}_${i} :: Null ${queue}-> [${i}] x${k};`,
        `FromDump(in.pcap, STOP ${first}) ${prefix}-> in${k}_${i};`,
      );
    }
    lines.push(...sinks(e, `x${k}`));
  }
  return lines.join('\n');
}

/** Error refuses to be configured and DiscardNoFree leaks: that is what they are for. */
const NOT_ALONE = new Set(['Error', 'DiscardNoFree']);

const classes = [...classTable()].filter(
  (c) => !HOST_ONLY.test(c.file) && !NOT_ALONE.has(c.name) && !/^0\//.test(c.ports),
);

beforeAll(() => buildSanitized(), 900_000);

describe('every element alone against malformed packets, with sanitizers', () => {
  for (const c of classes)
    it(c.name, () => {
      const { element } = exampleOf(c);
      if (!element.inputs.length) return;
      const config = harness(element);
      const { fault } = runSanitized(compilePlan(config, 'harness.click').plan, [], {
        files: { 'in.pcap': FILE },
      });
      expect(fault, config).toBeUndefined();
    }, 120_000);
});
