// How fast the TypeScript side is, by benchmark.js: parse, elaborate, check, write plans, generate fused units (as
// `clicklet fuse -o FILE.c` does, without the C compiler).
//
//   node bench/frontend.mjs [--json]
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Benchmark from 'benchmark';
import { check, classTable, compile, compilePlan, Diagnostics, elaborate, fusedSource, parse } from '../dist/index.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const router = readFileSync(join(root, 'configs', 'bench', 'ip-router.click'), 'utf8');
const chain = (n) => `Idle -> ${Array.from({ length: n - 2 }, (_, i) => `c${i} :: Counter`).join('\n  -> ')} -> Discard;\n`;
const large = chain(10_000);
const classes = classTable();
const planned = compilePlan(router, 'ip-router.click');
const ast = parse(router, 'ip-router.click');
const flat = elaborate(ast, { classes }, new Diagnostics());

const suite = new Benchmark.Suite();
const results = [];
suite
  .add('parse ip-router', () => parse(router, 'ip-router.click'))
  .add('elaborate ip-router', () => elaborate(ast, { classes }, new Diagnostics()))
  .add('check ip-router', () => check(flat, classes, new Diagnostics()))
  .add('parse to plan ip-router', () => compilePlan(router, 'ip-router.click'))
  .add('generate the fused unit of ip-router', () => fusedSource(planned))
  .add('parse 10,000 elements', () => parse(large, 'large.click'))
  .add('parse, elaborate, check 10,000 elements', () => compile(large, 'large.click', { classes }))
  .add('parse to plan 10,000 elements', () => compilePlan(large, 'large.click'))
  .on('cycle', ({ target }) => {
    const { name, stats, hz, error } = target;
    if (error) throw error;
    results.push({ name, meanMs: stats.mean * 1000, rmePercent: stats.rme, perSecond: hz, samples: stats.sample.length });
    if (!process.argv.includes('--json'))
      console.log(`${name.padEnd(36)} ${(stats.mean * 1000).toFixed(3).padStart(9)} ms ± ${stats.rme.toFixed(1)} %`);
  })
  .on('complete', () => {
    if (process.argv.includes('--json')) console.log(JSON.stringify({ version: 1, results }, null, 2));
  })
  .run();
