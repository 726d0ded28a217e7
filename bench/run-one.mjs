// Runs one configuration in this process and prints what it took: {"packets","wallS","cpuS"}. Started by engine.mjs,
// once for each repeat, so that every run has a fresh process. CPU time is what is compared: other work on the machine
// hardly changes it. Only the packets are measured, not the start.
//
//   node bench/run-one.mjs FILE PACKETS [UNIT.so [CPU]]
import { readFileSync } from 'node:fs';
import { compilePlan, Router } from '../dist/index.js';

const [file, packets, unit, cpu] = process.argv.slice(2);
const router = await Router.create(compilePlan(readFileSync(file, 'utf8'), file));
if (unit) await router.fuse(unit);
await router.write('source.limit', packets);
const before = process.cpuUsage();
const start = process.hrtime.bigint();
await router.run(cpu === undefined ? undefined : Number(cpu));
const wallS = Number(process.hrtime.bigint() - start) / 1e9;
const { user, system } = process.cpuUsage(before);
const counters = router.graph.elements.filter((e) => e.className === 'Counter').map((e) => e.name);
const counts = await Promise.all(counters.map((c) => router.read(`${c}.count`)));
router.close();
const through = counts.reduce((n, c) => n + Number(c), 0);
if (through !== Number(packets)) throw new Error(`${through} of ${packets} packets came through`);
process.stdout.write(`${JSON.stringify({ packets: through, wallS, cpuS: (user + system) / 1e6 })}\n`);
