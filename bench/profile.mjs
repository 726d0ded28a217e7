// Where the instructions of a packet go: callgrind over the fused unit of a scenario, compiled with line numbers, added
// up by source file. An element is one file, so this is the cost of each element; what is inlined counts for the file
// that it was written in.
//
//   node bench/profile.mjs [--lines] [--engine fused|dynamic] [--size 64] [--table N] SCENARIO
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Case, valgrind } from './measure.mjs';
import { SCENARIOS } from './scenarios.mjs';

const { values, positionals } = parseArgs({
  options: {
    lines: { type: 'boolean', default: false },
    engine: { type: 'string', default: 'fused' },
    size: { type: 'string', default: '64' },
    table: { type: 'string' },
  },
  allowPositionals: true,
});
const s = SCENARIOS[positionals[0]];
if (!s || !['fused', 'dynamic'].includes(values.engine)) {
  console.error(`profile.mjs: expected a scenario: ${Object.keys(SCENARIOS).join(', ')}`);
  process.exit(2);
}
if (!valgrind) {
  console.error('profile.mjs: needs valgrind: apt-get install valgrind');
  process.exit(3);
}
const PACKETS = 100_000;
process.env.CLICKLET_FUSE_CFLAGS = `${process.env.CLICKLET_FUSE_CFLAGS ?? ''} -g`;
const c = new Case(positionals[0], s.config(Number(values.size), values.table ? Number(values.table) : s.full[0]));

/** Instructions by file, and by file and line, of a callgrind profile with line positions. */
function byPlace(text) {
  const names = new Map();
  const files = new Map();
  const lines = new Map();
  const name = (spec) => {
    const [, id, given] = /^\((\d+)\)(?: (.*))?$/.exec(spec);
    if (given) names.set(id, given);
    return names.get(id);
  };
  let file = '';
  let function_ = '';
  let line = 0;
  let call = false;
  for (const row of text.split('\n')) {
    const record = /^(fl|fi|fe|fn)=(.*)/.exec(row);
    if (record) {
      if (record[1] === 'fn') function_ = name(`${record[2]}`);
      else file = name(record[2]);
    } else if (/^c(fi|fl)=/.test(row)) name(row.slice(4));
    else if (row.startsWith('calls=')) call = true;
    else {
      const cost = /^(\+\d+|-\d+|\*|\d+) (\d+)$/.exec(row);
      if (!cost) continue;
      const [, at, n] = cost;
      line = at === '*' ? line : /^[+-]/.test(at) ? line + Number(at) : Number(at);
      // The line behind "calls" is what the call cost in all; it stands where it was called.
      if (!call) {
        const short = file.replace(/^.*\/(elements|native)\//, '$1/');
        const place = short === '???' ? function_ : short;
        files.set(place, (files.get(place) ?? 0) + Number(n));
        lines.set(`${place}:${line}`, (lines.get(`${place}:${line}`) ?? 0) + Number(n));
      }
      call = false;
    }
  }
  return { files, lines };
}

const total = c.instructions(values.engine, PACKETS);
const { files, lines } = byPlace(readFileSync(c.profile, 'utf8'));
console.log(`${total.toFixed(1)} instructions a packet: ${positionals[0]}, ${values.engine}, ${values.size} bytes`);
for (const [place, n] of [...(values.lines ? lines : files)].sort((a, b) => b[1] - a[1]))
  if (n / PACKETS >= 0.5) console.log(`${(n / PACKETS).toFixed(1).padStart(8)}  ${place}`);
