/** Whole routers against a flood of malformed frames, with sanitizers: they stay up and go on counting. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { compilePlan } from '../../src/engine/router.ts';
import { root } from '../system/hosts.ts';
import { buildSanitized, runSanitized } from './sanitized.ts';

const FRAMES = 200_000;

/** The configuration with its devices replaced: malformed frames come in everywhere, what is sent is dropped. */
function flooded(name: string): string {
  const text = readFileSync(join(root, 'configs', 'middleboxes', `${name}.click`), 'utf8');
  return text
    .replace(/FromDevice\(0[^)]*\)/g, `MalformedSource(02:00:00:00:00:10, LIMIT ${FRAMES}, STOP true)`)
    .replace(/FromDevice\((\d)[^)]*\)/g, 'MalformedSource(02:00:00:00:00:1$1, SEED 9$1)')
    .replace(/ToDevice\(\d\)/g, 'Discard')
    .replace(/02:00:00:00:00:2(\d)/g, '02:00:00:00:00:1$1');
}

beforeAll(() => buildSanitized(), 900_000);

describe('routers against a flood of malformed frames, with sanitizers', () => {
  const counters = { 'ip-router': 'c0', firewall: 'inside', nat: 'inside', 'learning-switch': 'c0' };
  for (const [name, counter] of Object.entries(counters))
    it(name, () => {
      const { plan } = compilePlan(flooded(name), `${name}.click`);
      const { fault, stdout } = runSanitized(plan, [`${counter}.count`]);
      expect(fault).toBeUndefined();
      expect(stdout).toContain(`${counter}.count:\n${FRAMES}\n`);
    }, 120_000);
});
