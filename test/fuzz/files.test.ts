/**
 * Files can do nothing to the elements that read them: the files of the conformance cases, cut short, with bits, numbers
 * and lines changed, are read in an engine built with sanitizers, every byte of every packet is looked at.
 * CLICKLET_FUZZ_SEED and CLICKLET_FUZZ_FILES (spoilt files for each element) choose others, or more.
 */

import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { compilePlan } from '../../src/engine/router.ts';
import { classTable } from '../../src/engine/table.ts';
import { findCases, parseCase } from '../conformance/case.ts';
import { caseElements, given } from '../conformance/coverage.ts';
import { root } from '../system/hosts.ts';
import { Random } from './random.ts';
import { buildSanitized, runSanitized } from './sanitized.ts';

const SEED = Number(process.env.CLICKLET_FUZZ_SEED ?? 1);
const FILES = Number(process.env.CLICKLET_FUZZ_FILES ?? 60);
const TOGETHER = 60; // files in one router

const READERS = [
  'FromCapDump',
  'FromDAGDump',
  'FromDump',
  'FromIPSummaryDump',
  'FromNLANRDump',
  'FromNetFlowSummaryDump',
  'FromTcpdump',
  'PktgenReplay',
];

/** A sound file, and how a case reads it. */
interface Sample {
  readonly data: Buffer;
  /** Without the name. */
  readonly args: readonly string[];
}

const classes = classTable();
const samples = new Map<string, Sample[]>(READERS.map((name) => [name, []]));
for (const path of findCases(join(root, 'test', 'conformance'))) {
  const c = parseCase(path);
  if (!c.files.size) continue;
  for (const e of caseElements(classes, c)) {
    const name = [...given(classes.get(e.className)!, e)].find((a) => a.key === 'FILENAME');
    const text = name && c.files.get(name.text);
    if (!text || !samples.has(e.className)) continue;
    const args = e.args.filter((_, i) => i !== name.index).map((a) => a.text);
    samples.get(e.className)!.push({
      data: Buffer.from(text, 'latin1'),
      args: args.filter((a) => !/^(STOP|END_CALL|ACTIVE|LOOP|SPEED)\b/.test(a)),
    });
  }
}

const NUMBERS = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];
const WORDS = [
  '',
  '-1',
  '0',
  '99999999999999999999',
  '4294967296',
  '1e99',
  '0x',
  ':',
  '.',
  '1.2.3',
  '>',
  '|',
];

/** Spoilt in one to four ways. */
function spoil(data: Buffer, r: Random): Buffer {
  let b: Buffer = Buffer.from(data);
  for (let n = r.between(1, 4); n > 0 && b.length; n--) {
    const at = r.below(b.length);
    switch (r.below(7)) {
      case 0: // cut
        b = b.subarray(0, at);
        break;
      case 1: // a bit
        b[at]! ^= 1 << r.below(8);
        break;
      case 2: // a number of 1, 2 or 4 bytes
        for (let k = 0, size = r.pick([1, 2, 4]), value = r.pick(NUMBERS), big = r.chance(0.5); k < size; k++)
          if (at + k < b.length) b[at + k] = value >>> (8 * (big ? size - 1 - k : k));
        break;
      case 3: // some bytes less
        b = Buffer.concat([b.subarray(0, at), b.subarray(at + r.between(1, 20))]);
        break;
      case 4: // some bytes again
        b = Buffer.concat([b.subarray(0, at), b.subarray(r.below(b.length))]);
        break;
      case 5: {
        // a word of a text
        const words = b.toString('latin1').split(/([\s|,:.()]+)/);
        words[r.below(words.length)] = r.pick(WORDS);
        b = Buffer.from(words.join(''), 'latin1');
        break;
      }
      default: // noise
        for (let k = r.between(1, 12); k > 0 && at + k < b.length; k--) b[at + k] = r.below(256);
    }
  }
  return b;
}

beforeAll(() => buildSanitized(), 900_000);

describe('spoilt files, with sanitizers', () => {
  for (const name of READERS)
    it(name, () => {
      const sound = samples.get(name)!;
      expect(sound.length, `no case has a file for ${name}`).toBeGreaterThan(0);
      const r = new Random(SEED);
      for (let done = 0; done < FILES; done += TOGETHER) {
        const files: Record<string, Buffer> = {};
        let lines: string[] = [];
        for (let k = 0; k < Math.min(TOGETHER, FILES - done); k++) {
          const { data, args } = r.pick(sound);
          files[`f${k}`] = spoil(data, r);
          const text = [`f${k}`, ...args].join(', ');
          lines.push(`x${k} :: ${name}(${text}) -> ToDump(out${k}, 0) -> Discard;`);
        }
        // A file that is refused when the router starts keeps the others from being read.
        for (let refused: string | undefined = ''; refused !== undefined; ) {
          const config = `${lines.join('\n')}\nDriverManager(wait 100s, stop);`;
          const { plan, graph } = compilePlan(config, 'files.click');
          const run = runSanitized(plan, [], { options: ['--simtime'], files, mayRefuse: true });
          expect(run.fault, config).toBeUndefined();
          const index = /^error: element (\d+)/m.exec(run.stderr)?.[1];
          refused = index && graph.elements[Number(index)]!.name;
          lines = lines.filter((line) => !line.startsWith(`${refused} `));
        }
        expect(lines.length).toBeGreaterThan(0);
      }
    }, 600_000);
});
