/** The examples of docs/pktgen.md: streams are accepted, commands do what stands behind them. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { layers } from '../../../src/pktgen/frame-layers.ts';
import { parseStreamFile } from '../../../src/pktgen/streams-file.ts';
import { clicklet, root } from '../../system/hosts.ts';

const text = readFileSync(join(root, 'docs', 'pktgen.md'), 'utf8');
const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map((m) => ({
  line: text.slice(0, m.index).split('\n').length,
  kind: m[1]!,
  body: m[2]!,
}));
const folder = mkdtempSync(join(tmpdir(), 'clicklet-docs-'));
writeFileSync(
  join(folder, 'router.click'),
  'FromDevice(0) -> Queue -> ToDevice(1); FromDevice(1) -> Queue -> ToDevice(0);',
);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The words of a line as a shell has them. */
const words = (line: string): string[] => [...line.matchAll(/'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2]!);
const offline = ['--dry-run', '--print', '-o'];

describe('docs/pktgen.md', () => {
  for (const { line, body } of blocks.filter((b) => b.kind === 'yaml'))
    it(`the streams of line ${line} are accepted`, () => {
      expect(parseStreamFile(body, 'docs.yaml').length).toBeGreaterThan(1);
    });

  for (const [i, { line, kind, body }] of blocks.entries()) {
    if (kind !== 'sh') continue;
    it(`the commands of line ${line} run`, () => {
      for (const command of body.trim().split('\n')) {
        const [program, ...args] = words(command);
        expect(program).toBe('clicklet');
        // Those that need devices are only checked.
        const runs = args[0] === 'bench' || offline.some((flag) => args.includes(flag));
        const extra = runs ? [] : ['--dry-run'];
        const run = spawnSync(process.execPath, [clicklet, ...args, ...extra], {
          cwd: folder,
          encoding: 'utf8',
        });
        const next = blocks[i + 1];
        if (next?.kind === 'text') expect(run.stdout + run.stderr).toBe(next.body);
        else expect(run.status, run.stderr).toBe(0);
      }
    });
  }

  it('names every header and every field', () => {
    for (const [name, spec] of Object.entries(layers)) {
      const row = text
        .split('\n')
        .find((l) => l.startsWith('| `') && l.split('|')[1]!.includes(`\`${name}\``))!;
      for (const field of Object.keys(spec.fields)) expect(row, `${name}.${field}`).toContain(`\`${field}\``);
    }
  });
});
