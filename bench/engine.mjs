// Packets a second through one core from an in-memory source: each scenario of configs/bench in fresh processes, repeated,
// the median in millions of packets a second of CPU time, and the ratio to a loop written by hand.
//
//   node bench/engine.mjs [--json] [--repeats 5] [--packets 20000000] [wire ip-router firewall nat]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const { values, positionals } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    repeats: { type: 'string', default: '5' },
    packets: { type: 'string', default: '20000000' },
  },
  allowPositionals: true,
});
// Other systems, measured on a 2.45 GHz EPYC Milan: figures to put ours beside, not to compare to the digit.
const others = {
  wire: { click: 9.0, fastclick: 19.6 },
  'ip-router': { click: 2.85, fastclick: 5.5, vpp: 7.6 },
  firewall: { click: 5.0, fastclick: 8.7 },
  nat: { click: 2.3, fastclick: 4.6 },
};
const scenarios = positionals.length ? positionals : Object.keys(others);
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

function run(command, args) {
  const r = spawnSync(command, args, { encoding: 'utf8' });
  if (r.status !== 0) {
    const lines = `${r.stderr || r.error}`.split('\n');
    throw new Error(lines.find((line) => /error/i.test(line)) ?? lines[0]);
  }
  return r.stdout;
}

function limit() {
  const dir = mkdtempSync(join(tmpdir(), 'clicklet-limit-'));
  try {
    run(process.env.CC ?? 'cc', ['-O3', '-march=native', '-o', join(dir, 'limit'), join(here, 'limit.c')]);
    const runs = Array.from({ length: Number(values.repeats) }, () => JSON.parse(run(join(dir, 'limit'), ['50'])));
    return { small: median(runs.map((r) => r.small)), large: median(runs.map((r) => r.large)) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const result = { version: 1, engine: 'dynamic', limitMpps: limit(), scenarios: [] };
for (const name of scenarios) {
  const file = join(here, '..', 'configs', 'bench', `${name}.click`);
  try {
    const runs = Array.from({ length: Number(values.repeats) }, () =>
      JSON.parse(run(process.execPath, [join(here, 'run-one.mjs'), file, values.packets])),
    );
    const mpps = runs.map((r) => r.packets / r.cpuS / 1e6);
    result.scenarios.push({
      name,
      mpps: median(mpps),
      min: Math.min(...mpps),
      max: Math.max(...mpps),
      wallMpps: median(runs.map((r) => r.packets / r.wallS / 1e6)),
      ...(name === 'ip-router' ? { ofLimit: median(mpps) / result.limitMpps.small } : {}),
      others: others[name] ?? {},
    });
  } catch (e) {
    result.scenarios.push({ name, error: e.message });
  }
}
if (values.json) console.log(JSON.stringify(result, null, 2));
else {
  const { small, large } = result.limitMpps;
  console.log(`hand-written IP loop: ${small.toFixed(1)} Mpps, ${large.toFixed(1)} with random destinations\n`);
  for (const s of result.scenarios) {
    if (s.error) console.log(`${s.name.padEnd(10)} not measured: ${s.error}`);
    else {
      const them = Object.entries(s.others).map(([k, v]) => `${(s.mpps / v).toFixed(1)} x ${k}`);
      if (s.ofLimit) them.push(`${(100 * s.ofLimit).toFixed(0)} % of the hand-written loop`);
      console.log(
        `${s.name.padEnd(10)} ${s.mpps.toFixed(2).padStart(6)} Mpps (${s.min.toFixed(2)} to ${s.max.toFixed(2)}; by wall clock ${s.wallMpps.toFixed(2)})   ${them.join(', ')}`,
      );
    }
  }
}
