// Runs one configuration in this process and prints what it took: {"packets","wallS","cpuS"}. Started by engine.mjs,
// once for each repeat, so that every run has a fresh process. CPU time is what is compared: other work on the machine
// hardly changes it. Only the packets are measured, not the start.
//
//   node bench/run-one.mjs [--cpu CPU] [--threads N] FILE PACKETS [UNIT.so...]   a unit for each thread
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { compilePlan, Router } from '../dist/index.js';

const { values, positionals } = parseArgs({
  options: { cpu: { type: 'string' }, threads: { type: 'string', default: '1' } },
  allowPositionals: true,
});
const [file, packets, ...units] = positionals;
const cpu = values.cpu === undefined ? undefined : Number(values.cpu);
const router = await Router.create(compilePlan(readFileSync(file, 'utf8'), file, { threads: Number(values.threads) }));
for (const [thread, unit] of units.entries()) await router.fuse(unit, thread);
const sources = router.graph.elements.map((e) => e.name).filter((name) => /(^|\/)source\d*$/.test(name));
for (const name of sources) await router.write(`${name}.limit`, String(packets / sources.length));
const before = process.cpuUsage();
const start = process.hrtime.bigint();
await router.run(cpu);
const wallS = Number(process.hrtime.bigint() - start) / 1e9;
const { user, system } = process.cpuUsage(before);
const counters = router.graph.elements.filter((e) => e.className === 'Counter').map((e) => e.name);
const counts = await Promise.all(counters.map((c) => router.read(`${c}.count`)));
router.close();
const through = counts.reduce((n, c) => n + Number(c), 0);
if (through !== Number(packets)) throw new Error(`${through} of ${packets} packets came through`);
process.stdout.write(`${JSON.stringify({ packets: through, wallS, cpuS: (user + system) / 1e6 })}\n`);
