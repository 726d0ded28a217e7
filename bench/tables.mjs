// What tables cost: IP lookup with 1 to 1,000,000 prefixes, alone and within a router, and IPFilter with 10 to 10,000
// rules. bench/README.md says how to read it.
//
//   node bench/tables.mjs [lookup] [router] [filter] [--prefixes 1,...,1000000] [--rules 10,...,10000]
//     [--elements RadixIPLookup,DirectIPLookup] [--repeats 3] [--json] [-o FILE.json]
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compilePlan, Router } from '../dist/index.js';

const self = fileURLToPath(import.meta.url);
const build = join(dirname(self), '..', 'build');
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];

/** `n` different prefixes with the lengths of an Internet table, always the same. */
function prefixes(n) {
  const lengths = [24, 24, 24, 24, 24, 24, 23, 22, 22, 21, 20, 19, 18, 17, 16, 16];
  const seen = new Set();
  let state = 1n;
  const random = (below) => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number((state >> 33n) % BigInt(below));
  };
  while (seen.size < n) {
    const length = lengths[random(lengths.length)];
    const addr = (0x01000000 + random(0xde000000)) & (-1 << (32 - length));
    seen.add(`${addr >>> 24}.${(addr >>> 16) & 255}.${(addr >>> 8) & 255}.${addr & 255}/${length}`);
  }
  return [...seen];
}

/** Runs test-iproutes or test-ipfilter; the numbers that the pattern finds. */
function tool(program, args, pattern) {
  const r = spawnSync(join(build, program), ['--speed', ...args], { encoding: 'utf8', timeout: 120_000 });
  const found = pattern.exec(r.stdout ?? '');
  if (!found) throw new Error(`${program} ${args.join(' ')}: ${r.error ?? r.stderr ?? 'prints something else'}`);
  return found.slice(1).map(Number);
}

/** The structure alone: one by one, in batches, where each lookup waits for the one before; updates. */
function lookup(n) {
  const [addNs, megabytes, oneNs, batchNs, chainNs, routedNs, , , updateNs] = tool(
    'test-iproutes',
    [`${n}`],
    /: (\d+) ns to add[^]*?structure ([\d.]+) MB[^]*?random addresses: ([\d.]+) ns[^]*?, ([\d.]+) ns[^]*?, ([\d.]+) ns[^]*?routed addresses: ([\d.]+) ns[^]*?, ([\d.]+) ns[^]*?, ([\d.]+) ns[^]*?announcing a prefix: (\d+) ns/,
  );
  return { prefixes: n, bytes: Math.round(megabytes * 1e6), oneNs, batchNs, chainNs, routedNs, addNs, updateNs };
}

/** Within a router: batches of packets with random destinations, CPU time beside the same without the lookup. */
async function inRouter({ element, n }) {
  const text = `rt :: ${element}(0.0.0.0/0 1);
    a :: InfiniteSource(LIMIT 0, BURST 64, TIMESTAMP false) -> SetRandIPAddress(0.0.0.0/0) -> rt -> Discard; rt[1] -> Discard;
    b :: InfiniteSource(LIMIT 0, BURST 64, TIMESTAMP false) -> SetRandIPAddress(0.0.0.0/0) -> Discard;`;
  const r = await Router.create(compilePlan(text, 'tables.click'));
  const list = prefixes(n - 1);
  const began = process.cpuUsage();
  for (let i = 0; i < list.length; i += 10_000)
    await r.write('rt.ctrl', list.slice(i, i + 10_000).map((p, k) => `add ${p} ${k & 1}\n`).join(''));
  const added = process.cpuUsage(began);
  const packets = 2_000_000;
  const ns = {};
  const running = r.run();
  for (const name of ['b', 'a', 'b', 'a']) {
    const start = process.cpuUsage();
    const goal = Number(await r.read(`${name}.count`)) + packets;
    await r.write(`${name}.limit`, `${goal}`);
    while (Number(await r.read(`${name}.count`)) < goal) await new Promise((done) => setTimeout(done, 5));
    const { user, system } = process.cpuUsage(start);
    ns[name] = ((user + system) * 1000) / packets;
  }
  r.stop();
  await running;
  r.close();
  return { element, prefixes: n, ns: ns.a - ns.b, addUs: n > 1 ? (added.user + added.system) / (n - 1) : null };
}

const KINDS = ['tuples', 'acl', 'firewall', 'hosts'];
function filter(n) {
  const kinds = KINDS.map((kind) => {
    const [buildMs, kilobytes, steps, ns] = tool(
      'test-ipfilter',
      [`${n}`, kind],
      /built in ([\d.]+) ms, \d+ tests, (\d+) kB; a packet: ([\d.]+) steps[^]*?, ([\d.]+) ns/,
    );
    return [kind, { ns, steps, buildMs, bytes: kilobytes * 1000 }];
  });
  return { rules: n, ...Object.fromEntries(kinds) };
}

const [, , first, ...rest] = process.argv;
if (first === '--one') {
  process.stdout.write(`${JSON.stringify(await inRouter(JSON.parse(rest[0])))}\n`);
  process.exit(0);
}

function usage(message) {
  console.error(`tables.mjs: ${message}`);
  process.exit(2);
}
function options() {
  try {
    return parseArgs({
      options: {
        prefixes: { type: 'string', default: '1,10,100,1000,10000,100000,1000000' },
        rules: { type: 'string', default: '10,100,1000,10000' },
        elements: { type: 'string', default: 'RadixIPLookup,DirectIPLookup' },
        repeats: { type: 'string', default: '3' },
        json: { type: 'boolean', default: false },
        output: { type: 'string', short: 'o' },
      },
      allowPositionals: true,
    });
  } catch (e) {
    return usage(e.message);
  }
}
const { values, positionals } = options();
const PARTS = ['lookup', 'router', 'filter'];
for (const part of positionals) if (!PARTS.includes(part)) usage(`expected ${PARTS.join(', ')}, not '${part}'`);
const wanted = (part) => positionals.length === 0 || positionals.includes(part);
const numbers = (name) => {
  const list = values[name].split(',').map(Number);
  return list.every((n) => n >= 1) ? list : usage(`--${name}: expected numbers from 1 on, not '${values[name]}'`);
};
const [repeats] = numbers('repeats');
/** Each figure is the median of several runs. */
const middle = (runs) =>
  Object.fromEntries(
    Object.entries(runs[0]).map(([k, v]) => {
      if (typeof v === 'number') return [k, median(runs.map((r) => r[k]))];
      return [k, v && typeof v === 'object' ? middle(runs.map((r) => r[k])) : v];
    }),
  );
const several = (measure) => middle(Array.from({ length: repeats }, measure));
const line = (cells) => !values.json && console.log(cells.map((c, i) => (i ? `${c}`.padStart(12) : `${c}`.padEnd(16))).join(''));
const short = (v) => (v === null ? '-' : v.toFixed(1));
const result = { version: 1, kind: 'tables', date: new Date().toISOString(), environment: { cpu: cpus()[0]?.model ?? '', cores: cpus().length, node: process.version }, repeats };

if (wanted('lookup')) {
  line(['lookup, prefixes', 'kB', 'one by one', 'routed', 'of 32', 'dependent', 'add, ns', 'update, ns']);
  result.lookup = numbers('prefixes').map((n) => {
    const r = several(() => lookup(n));
    line([n, (r.bytes / 1000).toFixed(0), short(r.oneNs), short(r.routedNs), short(r.batchNs), short(r.chainNs), r.addNs, r.updateNs]);
    return r;
  });
}
if (wanted('router')) {
  line(['\nin a router', 'prefixes', 'ns a packet', 'add, us']);
  result.router = values.elements.split(',').flatMap((element) =>
    numbers('prefixes').map((n) => {
      const r = several(() => {
        const child = spawnSync(process.execPath, [self, '--one', JSON.stringify({ element, n })], { encoding: 'utf8', timeout: 120_000 });
        if (child.status !== 0) throw new Error(`${element}: ${child.error ?? child.stderr.trim().split('\n').at(-1)}`);
        return JSON.parse(child.stdout);
      });
      line([element, n, short(r.ns), short(r.addUs)]);
      return r;
    }),
  );
}
if (wanted('filter')) {
  line(['\nfilter, rules', ...KINDS.map((k) => `${k}, ns`), ...KINDS.map((k) => `${k}, kB`)]);
  result.filter = numbers('rules').map((n) => {
    const r = several(() => filter(n));
    line([n, ...KINDS.map((k) => short(r[k].ns)), ...KINDS.map((k) => (r[k].bytes / 1000).toFixed(0))]);
    return r;
  });
}
if (values.json) console.log(JSON.stringify(result, null, 2));
if (values.output) writeFileSync(values.output, `${JSON.stringify(result, null, 2)}\n`);
