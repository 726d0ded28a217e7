// Two results of engine.mjs side by side: B to A, rate in parts of the hand-written loop of its own run, and instructions.
//
//   node bench/compare.mjs A.json B.json [--fail-under 0.95] [--json]
//
// Exit status 4 if a ratio is lower than --fail-under: rates by the loop, or, of figures whose instructions both have,
// A's instructions to B's with --by instructions.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const fail = (message) => {
  console.error(`compare.mjs: ${message}`);
  process.exit(2);
};
function options() {
  try {
    return parseArgs({
      options: {
        'fail-under': { type: 'string' },
        by: { type: 'string', default: 'rate' },
        json: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    });
  } catch (e) {
    return fail(e.message);
  }
}
const { values, positionals } = options();
if (positionals.length !== 2) fail('expected two results: node bench/compare.mjs A.json B.json');
if (!['rate', 'instructions'].includes(values.by)) fail(`--by: expected rate or instructions, not '${values.by}'`);
const floor = values['fail-under'] === undefined ? 0 : Number(values['fail-under']);
if (!(floor >= 0)) fail(`--fail-under: expected a ratio, not '${values['fail-under']}'`);

function read(file) {
  let result;
  try {
    result = JSON.parse(readFileSync(file, 'utf8'));
  } catch (e) {
    console.error(`${file}: ${e.message}`);
    process.exit(1);
  }
  if (result.version !== 2 || result.kind !== 'engine') {
    console.error(`${file}: not a result of bench/engine.mjs, version 2`);
    process.exit(1);
  }
  return result;
}
const [a, b] = positionals.map(read);
const name = (r) => [r.scenario, `${r.size} B`, r.table ? `${r.table.entries} ${r.table.of}` : '', r.engine, r.threads > 1 ? `${r.threads} threads` : ''].filter(Boolean).join(', ');
const before = new Map(a.results.map((r) => [name(r), r]));
const pairs = b.results.flatMap((r) => {
  const old = before.get(name(r));
  if (!old) return [];
  return [
    {
      name: name(r),
      // The loop's own rate takes out that the machine was faster or slower that day.
      rate: r.mpps && old.mpps ? r.ofLimit / old.ofLimit : null,
      mpps: r.mpps && old.mpps ? r.mpps.median / old.mpps.median : null,
      instructions: r.instructions && old.instructions ? old.instructions / r.instructions : null,
    },
  ];
});
if (pairs.length === 0) {
  console.error('compare.mjs: the two results have nothing in common');
  process.exit(1);
}
const low = pairs.filter((p) => p[values.by] !== null && p[values.by] < floor);
if (values.json) console.log(JSON.stringify({ version: 1, by: values.by, failUnder: floor, pairs, low: low.map((p) => p.name) }, null, 2));
else {
  const cell = (x) => (x === null ? '-' : x.toFixed(3)).padStart(13);
  console.log(`${'B to A, above 1 is better'.padEnd(52)}${'rate / limit'.padStart(13)}${'Mpps'.padStart(13)}${'instructions'.padStart(13)}`);
  for (const p of pairs)
    console.log(`${p.name.padEnd(52)}${cell(p.rate)}${cell(p.mpps)}${cell(p.instructions)}${low.includes(p) ? '  low' : ''}`);
}
if (low.length) {
  console.error(`compare.mjs: ${low.length} of ${pairs.length} under ${floor} by ${values.by}`);
  process.exitCode = 4;
}
