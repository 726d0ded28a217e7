// Runs one plan in this process and prints what it took: {"packets","wallS","cpuS"}. Started by engine.mjs, once for each
// repeat, so that every run has a fresh process. CPU time is what is compared: other work on the machine hardly
// changes it.
import { readFileSync } from 'node:fs';
import { compilePlan, Router } from '../dist/index.js';

const [file, limit, cpu] = process.argv.slice(2);
const router = await Router.create(compilePlan(readFileSync(file, 'utf8'), file, { variables: { LIMIT: limit } }));
const before = process.cpuUsage();
const start = process.hrtime.bigint();
await router.run(cpu === undefined ? undefined : Number(cpu));
const wallS = Number(process.hrtime.bigint() - start) / 1e9;
const { user, system } = process.cpuUsage(before);
const counters = router.graph.elements.filter((e) => e.className === 'Counter').map((e) => e.name);
const counts = await Promise.all(counters.map((c) => router.read(`${c}.count`)));
router.close();
const packets = counts.reduce((n, c) => n + Number(c), 0);
if (packets !== Number(limit)) throw new Error(`${file}: ${packets} of ${limit} packets came through`);
process.stdout.write(`${JSON.stringify({ packets, wallS, cpuS: (user + system) / 1e6 })}\n`);
