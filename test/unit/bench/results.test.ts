/** What is made of results of the scenario matrix: two side by side, and the page with plots. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { packagePath } from '../../../src/engine/paths.ts';

const { plot } = await import(packagePath('bench', 'plot.mjs'));
const dir = mkdtempSync(join(tmpdir(), 'clicklet-results-'));
afterAll(() => rmSync(dir, { recursive: true }));

const rate = (median: number) => ({ median, min: median * 0.9, max: median * 1.1 });
const row = (
  scenario: string,
  engine: string,
  figures: { mpps?: number; ofLimit?: number; instructions?: number | null; entries?: number; size?: number },
) => ({
  scenario,
  engine,
  size: figures.size ?? 64,
  table: figures.entries ? { of: 'routes', entries: figures.entries } : null,
  threads: 1,
  ...(figures.mpps
    ? { packets: 1e6, mpps: rate(figures.mpps), spread: 0.2, wallMpps: figures.mpps }
    : { error: 'it died' }),
  ofLimit: figures.ofLimit,
  instructions: figures.instructions ?? null,
});
const result = (results: object[]) => ({
  version: 2,
  kind: 'engine',
  date: '2026-01-02T03:04:05.678Z',
  environment: { cpu: 'A <fast> CPU', cores: 2, node: 'v20', load: [0.5, 0, 0] },
  repeats: 3,
  seconds: 0.3,
  limit: [64, 1514].map((size) => ({ size, small: rate(80), large: rate(40), instructions: 100 })),
  results,
});

// B: the wire half as fast on a machine half as fast, in fewer instructions; the router slower, in more; one more, one less.
const A = result([
  row('wire', 'fused', { mpps: 200, ofLimit: 2, instructions: 50 }),
  row('ip-router', 'fused', { mpps: 60, ofLimit: 1, instructions: 150, entries: 14 }),
  row('ip-router', 'dynamic', { mpps: 30, ofLimit: 0.5, entries: 10_000 }),
  row('nat', 'fused', { mpps: 40, ofLimit: 0.5, instructions: 300 }),
  row('firewall', 'fused', {}),
]);
const B = result([
  row('wire', 'fused', { mpps: 100, ofLimit: 2, instructions: 40 }),
  row('ip-router', 'fused', { mpps: 30, ofLimit: 0.75, instructions: 200, entries: 14 }),
  row('ip-router', 'dynamic', { mpps: 45, ofLimit: 0.5, entries: 10_000 }),
  row('ip-router', 'dynamic', { mpps: 45, ofLimit: 0.5, entries: 14 }),
  row('firewall', 'fused', { mpps: 90, ofLimit: 1, instructions: 100 }),
]);

function compare(...args: string[]) {
  const r = spawnSync(process.execPath, [packagePath('bench', 'compare.mjs'), ...args], {
    cwd: dir,
    encoding: 'utf8',
  });
  return { status: r.status, out: r.stdout, err: r.stderr };
}
const save = (name: string, value: unknown) =>
  writeFileSync(join(dir, name), typeof value === 'string' ? value : JSON.stringify(value));
save('a.json', A);
save('b.json', B);

describe('two results compared', () => {
  it('B to A by the loop of its own run, by packets, by instructions', () => {
    const r = compare('a.json', 'b.json', '--json');
    expect(r).toMatchObject({ status: 0, err: '' });
    expect(JSON.parse(r.out)).toEqual({
      version: 1,
      by: 'rate',
      failUnder: 0,
      pairs: [
        { name: 'wire, 64 B, fused', rate: 1, mpps: 0.5, instructions: 1.25 },
        { name: 'ip-router, 64 B, 14 routes, fused', rate: 0.75, mpps: 0.5, instructions: 0.75 },
        { name: 'ip-router, 64 B, 10000 routes, dynamic', rate: 1, mpps: 1.5, instructions: null },
        { name: 'firewall, 64 B, fused', rate: null, mpps: null, instructions: null },
      ],
      low: [],
    });
  });

  it('as a table', () => {
    const lines = compare('a.json', 'b.json').out.trimEnd().split('\n');
    expect(lines.map((l) => l.trim().split(/\s{2,}/))).toEqual([
      ['B to A, above 1 is better', 'rate / limit', 'Mpps instructions'],
      ['wire, 64 B, fused', '1.000', '0.500', '1.250'],
      ['ip-router, 64 B, 14 routes, fused', '0.750', '0.500', '0.750'],
      ['ip-router, 64 B, 10000 routes, dynamic', '1.000', '1.500', '-'],
      ['firewall, 64 B, fused', '-', '-', '-'],
    ]);
  });

  it.each([
    [[], 0, []],
    [['--fail-under', '0.75'], 0, []],
    [['--fail-under', '0.76'], 4, ['ip-router, 64 B, 14 routes, fused']],
    [['--fail-under', '0.76', '--by', 'instructions'], 4, ['ip-router, 64 B, 14 routes, fused']],
    [
      ['--fail-under', '1.1'],
      4,
      ['wire, 64 B, fused', 'ip-router, 64 B, 14 routes, fused', 'ip-router, 64 B, 10000 routes, dynamic'],
    ],
    [['--fail-under', '1.1', '--by', 'instructions'], 4, ['ip-router, 64 B, 14 routes, fused']],
  ] as const)('the gate %j ends with %i', (flags, status, low) => {
    const r = compare('a.json', 'b.json', '--json', ...flags);
    expect(r.status).toBe(status);
    expect(JSON.parse(r.out).low).toEqual(low);
    if (status) expect(r.err).toMatch(new RegExp(`^compare\\.mjs: ${low.length} of 4 under `));
  });

  it('what cannot be compared', () => {
    save('other.json', { version: 1, kind: 'engine' });
    save('text.json', 'no');
    save('none.json', result([row('learning-switch', 'fused', { mpps: 1, ofLimit: 1 })]));
    expect(compare('a.json')).toMatchObject({
      status: 2,
      err: expect.stringContaining('expected two results'),
    });
    expect(compare('a.json', 'b.json', '--by', 'luck').status).toBe(2);
    expect(compare('a.json', 'b.json', '--fail-under', 'x').status).toBe(2);
    expect(compare('a.json', 'b.json', '--what').status).toBe(2);
    expect(compare('a.json', 'missing.json')).toMatchObject({
      status: 1,
      err: expect.stringContaining('missing.json'),
    });
    expect(compare('text.json', 'a.json')).toMatchObject({
      status: 1,
      err: expect.stringContaining('text.json'),
    });
    expect(compare('a.json', 'other.json').err).toBe(
      'other.json: not a result of bench/engine.mjs, version 2\n',
    );
    expect(compare('a.json', 'none.json')).toMatchObject({
      status: 1,
      err: expect.stringContaining('nothing in common'),
    });
  });
});

describe('the page of a result', () => {
  it('has a plot for each scenario and every figure', async () => {
    const page = await plot(
      result([
        row('wire', 'fused', { mpps: 200, ofLimit: 2, instructions: 41.25 }),
        row('ip-router', 'fused', { mpps: 60, ofLimit: 0.75, entries: 14 }),
        row('ip-router', 'fused', { mpps: 50, ofLimit: 0.7, entries: 14, size: 1514 }),
        row('ip-router', 'fused', { mpps: 40, ofLimit: 0.5, entries: 1000 }),
        row('nat', 'fused', {}),
      ]),
    );
    // All scenarios at once, wire by size, ip-router by size and by table.
    expect(page.match(/<svg/g)).toHaveLength(4);
    const cells = [...page.matchAll(/<tr>(<td>.*?)<\/tr>/g)].map((m) =>
      m[1]!
        .split(/<\/?td>/)
        .filter(Boolean)
        .join(' '),
    );
    expect(cells).toEqual([
      'wire fused 64 200.00 180.00 220.00 2.00 41.3',
      'ip-router fused 64 14 60.00 54.00 66.00 0.75',
      'ip-router fused 1514 14 50.00 45.00 55.00 0.70',
      'ip-router fused 64 1000 40.00 36.00 44.00 0.50',
    ]);
    expect(page).toContain('A &lt;fast&gt; CPU, 2 cores, load 0.5; 2026-01-02');
    expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org)|<script/);
  });
});
