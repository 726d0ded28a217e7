/** `clicklet bench` with searches, reports and comparisons, as users run it; every command of docs/benchmarking.md. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clicklet, root } from '../system/hosts.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'clicklet-bench-'));
  writeFileSync(
    join(dir, 'router.click'),
    `FromDevice(0) -> Queue(10) -> RatedUnqueue(10000, BURST_SIZE 5) -> Queue -> ToDevice(1);
FromDevice(1) -> Queue -> ToDevice(0);
`,
  );
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function run(args: string[]) {
  const r = spawnSync(process.execPath, [clicklet, ...args], {
    cwd: dir,
    encoding: 'utf8',
    timeout: 120_000,
    env: { ...process.env, NO_COLOR: '1', CLICKLET_STATE: join(dir, 'state') },
  });
  return { status: r.status, stdout: r.stdout, stderr: r.stderr };
}

const simulated = ['bench', 'router.click', '--dut', 'simulated', '--max-load', '30k', '--duration', '0.1'];

const documented = [
  ...readFileSync(join(root, 'docs', 'benchmarking.md'), 'utf8').matchAll(/```sh\n(.*?)```/gs),
]
  .flatMap((m) => m[1]!.trim().split('\n'))
  .map((line) => line.replace(/^clicklet /, ''));

describe('the commands of docs/benchmarking.md', { timeout: 150_000 }, () => {
  it.each(documented)('clicklet %s', (line) => {
    const r = run(line.split(' '));
    expect(r.stderr).not.toMatch(/error:/);
    expect(r.status).toBe(0);
    expect(r.stdout).not.toBe('');
  });

  it('are a good part of what there is', () => expect(documented.length).toBeGreaterThan(10));
});

describe('a search', { timeout: 150_000 }, () => {
  it('gives the same on every run in simulated time', () => {
    const figures = () => {
      const r = JSON.parse(run([...simulated, '--json']).stdout);
      return [r.search, r.dut];
    };
    const first = figures();
    expect(first[0]).toMatchObject({ method: 'mlr', standards: ['RFC 9971'] });
    expect(Math.abs(first[0].ndrPps / 10_000 - 1)).toBeLessThan(0.02);
    expect(figures()).toEqual(first);
  });

  it('opens as a report in a browser, with its plots', (t) => {
    const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
      existsSync,
    );
    if (!browser) t.skip('no Chromium on this machine');
    expect(run([...simulated, '--report', 'plots.html']).status).toBe(0);
    const r = spawnSync(
      browser!,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--virtual-time-budget=2000',
        '--dump-dom',
        `file://${dir}/plots.html`,
      ],
      { encoding: 'utf8', timeout: 90_000, env: { ...process.env, HOME: dir } },
    );
    // Goals, loss over load, latency by percentile and cumulative, the element graph.
    expect(r.stdout.match(/<svg/g)?.length).toBe(5);
    for (const text of ['NDR', 'PDR', 'RatedUnqueue', 'RFC 9971', 'offered, packets a second'])
      expect(r.stdout).toContain(text);
  });

  it('fails the gate against a better baseline with status 4', () => {
    const r = JSON.parse(run([...simulated, '--json']).stdout);
    r.search.sizes[0].ndrPps *= 2;
    writeFileSync(join(dir, 'better.json'), JSON.stringify(r));
    const gate = run([...simulated, '--baseline', 'better.json']);
    expect(gate.status).toBe(4);
    expect(gate.stderr).toMatch(/gate failed: size 64, NDR: /);
  });
});

describe('what is wrong', () => {
  it.each([
    [['--search', 'fast'], /unknown --search 'fast': expected none, mlr or rfc2544/],
    [['--search', 'mlr', '--rate', '5M'], /--search mlr chooses the rates itself/],
    [['--exceed', '1'], /--exceed '1': expected a ratio from 0 to 0.99/],
    [['--loss', 'much'], /--loss 'much'/],
    [['--width', '0'], /--width '0'/],
    [['--max-load', 'ten'], /--max-load 'ten': expected packets a second/],
    [['--min-load', '2k', '--max-load', '1k'], /--max-load is less than --min-load/],
    [['--repeat', '0'], /--repeat '0'/],
    [['--tests', 'loss'], /--tests is for --search rfc2544/],
    [['--search', 'rfc2544', '--tests', 'losses'], /--tests 'losses': expected some of throughput/],
    [['--search', 'rfc2544', '--duration-sum', '3'], /--duration-sum is for --search mlr/],
    [['--initial-duration', '5', '--duration', '1'], /--initial-duration is longer/],
    [['--drain', 'x'], /--drain 'x': expected seconds/],
    [['--dut', 'simulated', '--rate', 'max'], /no highest rate: give --rate/],
  ])('%j is a usage error', (flags, message) => {
    const r = run(['bench', 'router.click', ...flags]);
    expect(r.stderr).toMatch(message);
    expect(r.status).toBe(2);
    expect(r.stdout).toBe('');
  });

  it('results that are none, or cannot be compared', () => {
    expect(run(['bench'])).toMatchObject({ status: 2 });
    expect(run(['bench', '--compare', 'router.click'])).toMatchObject({ status: 2 });
    const none = run(['bench', '--compare', 'router.click', 'missing.json']);
    expect(none.status).toBe(1);
    expect(none.stderr).toMatch(/router\.click: not JSON/);
    writeFileSync(join(dir, 'half.json'), '{"version":1,"trials":[]}');
    const half = run(['bench', '--compare', 'half.json', 'half.json']);
    expect(half.stderr).toMatch(/half\.json: not a benchmark result: config/);
    expect(half.status).toBe(1);
  });
});
