/**
 * Packets can do nothing to an element but be dropped: every element that takes packets is fed malformed ones, alone, in
 * an engine built with sanitizers. How it is configured comes from the example in its own documentation, which thereby is
 * shown to be a configuration.
 */

import { beforeAll, describe, expect, it } from 'vitest';
import { elementDocumentation } from '../../src/cli/explain.ts';
import { compilePlan } from '../../src/engine/router.ts';
import { classTable } from '../../src/engine/table.ts';
import type { ElementClass } from '../../src/graph/class-table.ts';
import type { ResolvedElement } from '../../src/graph/resolved-graph.ts';
import { buildSanitized, runSanitized } from './sanitized.ts';

const PACKETS = 300; // at the first input, which may be slow by design; the other inputs go on meanwhile

/** The configuration behind "Example:" in an element's documentation. */
function exampleOf(c: ElementClass): string | undefined {
  const text = elementDocumentation(c.file);
  const at = text.search(/^Examples?:/m);
  if (at < 0) return undefined;
  const rest = text.slice(at);
  const fenced = /```[a-z]*\n([\s\S]*?)```/.exec(rest)?.[1];
  return fenced ?? /`([^`]+)`/.exec(rest)?.[1];
}

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
};

/** What must be behind its outputs. */
const BEHIND: Record<string, string> = { AdaptiveRED: '-> Queue(50) ', RED: '-> Queue(50) ' };

/** The element of the example, once for each prefix, with malformed packets at every input. */
function harness(e: ResolvedElement): string {
  const args = e.args.map((a) => a.text).join(', ');
  const lines = [COMPANIONS[e.className] ?? ''];
  for (const [k, prefix] of PREFIXES.entries()) {
    lines.push(`x${k} :: ${e.className}(${args});`);
    for (const [i, processing] of e.inputs.entries()) {
      const stop = i === 0 && k === 0 ? `, LIMIT ${PACKETS}, STOP true` : '';
      const queue = processing === 'pull' ? '-> Queue ' : '';
      lines.push(
        `MalformedSource(02:00:00:00:00:10, SEED ${100 * k + i + 1}${stop}) ${prefix}${queue}-> [${i}] x${k};`,
      );
    }
    for (const i of e.outputs.keys()) lines.push(`x${k} [${i}] ${BEHIND[e.className] ?? ''}-> Discard;`);
  }
  return lines.join('\n');
}

/** Error refuses to be configured and DiscardNoFree leaks: that is what they are for. */
const NOT_ALONE = new Set(['Error', 'DiscardNoFree']);

const classes = [...classTable()].filter(
  (c) =>
    !/^elements\/(device|userlevel|pktgen)\//.test(c.file) && !NOT_ALONE.has(c.name) && !/^0\//.test(c.ports),
);

beforeAll(() => buildSanitized(), 900_000);

describe('every element alone against malformed packets, with sanitizers', () => {
  for (const c of classes)
    it(c.name, () => {
      const example = exampleOf(c);
      expect(example, `${c.file} has no example`).toBeDefined();
      const { graph } = compilePlan(example!, `${c.name}.click`);
      const element =
        graph.elements.find((e) => e.className === c.name) ??
        graph.elements.find((e) => e.class.file === c.file);
      expect(element, `the example of ${c.name} does not use it`).toBeDefined();
      if (!element!.inputs.length) return;
      const config = harness(element!);
      const { fault } = runSanitized(compilePlan(config, 'harness.click').plan);
      expect(fault, config).toBeUndefined();
    }, 120_000);
});
