// Devices whose rate or loss is known by construction, found by `clicklet bench` in real time: how far off is it?
//   node bench/known.mjs [rate|loss] [--dut vm,process] [--rates 50000] [--repeats 1] [--json] [-- BENCH OPTIONS]
// Exit status: 0 all within 1 %, 1 not.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const clicklet = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'clicklet.js');
const end = process.argv.indexOf('--');
const more = end < 0 ? [] : process.argv.slice(end + 1);
const { values: o, positionals } = parseArgs({
  args: process.argv.slice(2, end < 0 ? undefined : end),
  allowPositionals: true,
  options: {
    dut: { type: 'string', default: 'vm,process' },
    rates: { type: 'string', default: '50000' },
    repeats: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const what = positionals.length ? positionals : ['rate', 'loss'];
const TOLERANCE = 0.01;
const folder = mkdtempSync(join(tmpdir(), 'clicklet-known-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

function bench(config, args) {
  const file = join(folder, 'device.click');
  writeFileSync(file, `${config}\n`);
  const started = performance.now();
  const r = spawnSync(process.execPath, [clicklet, 'bench', file, '--json', ...args, ...more], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (r.status !== 0) throw new Error(`clicklet bench ended with ${r.status}: ${r.stderr.trim()}`);
  return { ...JSON.parse(r.stdout), tookS: (performance.now() - started) / 1000 };
}

const rows = [];
function row(dut, device, figure, expected, found, tookS) {
  const off = found / expected - 1;
  rows.push({ dut, device, figure, expected, found, off, within: Math.abs(off) <= TOLERANCE, tookS });
  if (o.json) return;
  const percent = `${off < 0 ? '' : '+'}${(100 * off).toFixed(2)} %`;
  console.log([dut.padEnd(8), device.padEnd(36), figure.padEnd(5), found.toPrecision(6).padStart(9), percent.padStart(9), `${tookS.toFixed(0)} s`].join('  '));
}


for (const dut of o.dut.split(','))
  for (let i = 0; i < Number(o.repeats); i++) {
    if (what.includes('rate'))
      for (const rate of o.rates.split(',').map(Number))
        for (const device of [`RatedUnqueue(${rate})`, `Shaper(${rate})`]) {
          const path = `FromDevice(0) -> Queue -> ${device} -> ToDevice(1);`;
          const r = bench(`${path} FromDevice(1) -> Discard;`, ['--dut', dut]);
          row(dut, device, 'NDR', rate, r.search.ndrPps, r.tookS);
          row(dut, device, 'PDR', rate, r.search.pdrPps, r.tookS);
        }
    if (what.includes('loss')) {
      // Packets enough that chance is a fifth of the tolerance: the deviation of 4,000,000 is 0.2 % of 5 %.
      const path = 'FromDevice(0) -> RandomSample(DROP 0.05) -> Queue(20000) -> ToDevice(1);';
      const r = bench(`${path} FromDevice(1) -> Discard;`, ['--dut', dut, '--rate', '500k', '--duration', '10']);
      row(dut, 'RandomSample(DROP 0.05), 500 kpps', 'loss', 0.05, r.trials[0].lossRatio, r.tookS);
    }
  }
if (o.json) console.log(JSON.stringify({ version: 1, rows }));
process.exitCode = rows.every((r) => r.within) ? 0 : 1;
