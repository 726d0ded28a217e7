// The scenario matrix: packets a second of one core from memory, for each engine, size of packet and size of table.
// Every figure is the median of several rounds; each round measures everything once, each in a fresh process, beside
// the loop written by hand (limit.c). bench/README.md says how to read it.
//
//   node bench/engine.mjs [SCENARIO...] [--full] [--engines dynamic,fused] [--sizes 64] [--tables 1,1000 | --usual]
//     [--threads 1,2] [--repeats 3] [--seconds 0.3] [--no-instructions] [--click PATH] [--fastclick PATH]
//     [--json] [-o FILE.json] [--plot FILE.html]
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { Case, limit, Reference, valgrind } from './measure.mjs';
import { plot } from './plot.mjs';
import { SCENARIOS, SIZES, twice } from './scenarios.mjs';
import { printTable } from './table.mjs';

const usage = (message) => {
  console.error(`engine.mjs: ${message}`);
  process.exit(2);
};
function options() {
  try {
    return parseArgs({
      options: {
        full: { type: 'boolean', default: false },
        engines: { type: 'string', default: 'dynamic,fused' },
        sizes: { type: 'string' },
        tables: { type: 'string' },
        usual: { type: 'boolean', default: false },
        threads: { type: 'string' },
        repeats: { type: 'string' },
        seconds: { type: 'string' },
        'no-instructions': { type: 'boolean', default: false },
        click: { type: 'string' },
        fastclick: { type: 'string' },
        json: { type: 'boolean', default: false },
        output: { type: 'string', short: 'o' },
        plot: { type: 'string' },
      },
      allowPositionals: true,
    });
  } catch (e) {
    return usage(e.message);
  }
}
const { values, positionals } = options();
const number = (name, otherwise) => {
  const n = Number(values[name] ?? otherwise);
  return n > 0 ? n : usage(`--${name}: expected a number above 0, not '${values[name]}'`);
};
const repeats = Math.ceil(number('repeats', values.full ? 5 : 3));
const seconds = number('seconds', values.full ? 1 : 0.3);
const sizes = values.sizes ? values.sizes.split(',').map(Number) : values.full ? SIZES : [64];
for (const size of sizes) if (!(size >= 64 && size <= 1514)) usage('--sizes: from 64 to 1514 bytes');
const tables = values.tables?.split(',').map(Number);
const threadCounts = (values.threads ?? '1,2').split(',').map(Number);
for (const n of threadCounts) if (n !== 1 && n !== 2) usage('--threads: 1, 2 or both');
const engines = values.engines.split(',');
for (const e of engines) if (!['dynamic', 'fused'].includes(e)) usage(`unknown engine '${e}': expected dynamic or fused`);
for (const name of positionals)
  if (!SCENARIOS[name]) usage(`unknown scenario '${name}': expected ${Object.keys(SCENARIOS).join(', ')}`);
const references = ['click', 'fastclick'].filter((r) => values[r]).map((r) => [r, new Reference(values[r])]);

const say = (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);
const median = (list) => {
  const v = list.toSorted((a, b) => a - b);
  return (v[(v.length - 1) >> 1] + v[v.length >> 1]) / 2;
};
const summary = (list) => ({ median: median(list), min: Math.min(...list), max: Math.max(...list) });

/** Rows to measure: each knows how to measure itself once. */
function rowsOf(name) {
  const s = SCENARIOS[name];
  const sizesOfTable = values.usual ? [s.full[0]] : tables && s.entries ? tables : values.full ? s.full : s.short;
  return sizesOfTable.flatMap((entries) =>
    // The table's size matters for small packets; the packet's size for the usual table.
    (entries === s.full[0] || tables ? sizes : sizes.slice(0, 1)).flatMap((size) => {
      const text = s.config(size, entries);
      const row = (engine, threads, measure, instructions) => ({
        record: { scenario: name, engine, size, table: s.entries ? { of: s.entries, entries } : null, threads },
        measure,
        instructions,
        // Every flow must be there before it is counted, and under valgrind large tables take minutes.
        counted: (entries ?? 0) <= 1000 && threads === 1,
        fewest: 4 * (entries ?? 0) * threads,
        rates: [],
        wall: [],
        ratios: [],
      });
      // The short form has two threads for the usual table only.
      const counts = values.full || values.threads || entries === s.full[0] ? threadCounts : [1];
      return counts.flatMap((threads) => {
        const scene = threads === 1 ? text : twice(text, s.stateless);
        const c = new Case(`${name}-${entries ?? 0}-${size}-${threads}`, scene, threads);
        const ours = engines.map((e) =>
          row(e, threads, (n) => c.measure(e, n), () => c.instructions(e, 100_000)),
        );
        const theirs =
          s.portable(entries) && threads === 1
            ? references.map(([e, r]) => row(e, 1, (n) => r.measure(c, n), () => r.instructions(c)))
            : [];
        return [...ours, ...theirs];
      });
    }),
  );
}

limit.build();
const limits = new Map(sizes.map((size) => [size, { small: [], large: [], now: 0 }]));
const rows = (positionals.length ? positionals : Object.keys(SCENARIOS)).flatMap(rowsOf);
const attempt = (row, what) => {
  if (row.record.error) return undefined;
  try {
    return what();
  } catch (e) {
    row.record.error = e.message;
    return undefined;
  }
};
for (let round = 0; round < repeats; round++) {
  for (const [size, l] of limits) {
    const { small, large } = limit.measure(size, 20_000_000 * seconds + 1_000_000);
    l.small.push(small);
    l.large.push(large);
    l.now = small;
  }
  for (const row of rows) {
    const { scenario, engine, size, table, threads } = row.record;
    say(`round ${round + 1} of ${repeats}: ${scenario} ${engine} ${size} ${table?.entries ?? ''} ${threads}`);
    attempt(row, () => {
      // The first run says how many packets fill the time.
      if (!row.packets) {
        const { packets, cpuS } = row.measure(Math.max(1_000_000, row.fewest));
        const each = ((packets / Math.max(cpuS, 0.001)) * seconds) | 0;
        row.packets = 2 * Math.ceil((threads * Math.max(each, 1_000_000, row.fewest)) / 2);
      }
      const { packets, cpuS, wallS } = row.measure(row.packets);
      // Of all threads together, as if each had a core of its own for all the time that it took.
      const mpps = (threads * packets) / cpuS / 1e6;
      row.rates.push(mpps);
      row.wall.push(packets / wallS / 1e6);
      row.ratios.push(mpps / limits.get(size).now);
    });
  }
}
const counting = valgrind && !values['no-instructions'];
for (const row of rows) {
  const { record } = row;
  say(`${record.scenario} ${record.engine}: instructions`);
  record.instructions = (counting && row.counted && attempt(row, row.instructions)) || null;
  if (row.rates.length === 0) continue;
  record.packets = row.packets;
  record.mpps = summary(row.rates);
  record.spread = (record.mpps.max - record.mpps.min) / record.mpps.median;
  record.wallMpps = median(row.wall);
  record.ofLimit = median(row.ratios);
}
say('');
const result = {
  version: 2,
  kind: 'engine',
  date: new Date().toISOString(),
  environment: { cpu: cpus()[0]?.model.trim() ?? 'unknown', cores: cpus().length, node: process.version, load: loadavg() },
  repeats,
  seconds,
  limit: [...limits].map(([size, l]) => ({
    size,
    small: summary(l.small),
    large: summary(l.large),
    instructions: counting ? limit.instructions(size) : null,
  })),
  results: rows.map((r) => r.record),
};
if (values.output) writeFileSync(values.output, `${JSON.stringify(result, null, 2)}\n`);
if (values.plot) writeFileSync(values.plot, await plot(result));
if (values.json) console.log(JSON.stringify(result, null, 2));
else printTable(result);
if (result.results.some((r) => r.error)) process.exitCode = 1;
