// What flows cost the rewriters: packets a second and memory with 1 to 1,000,000 of them, one active flow beside idle
// ones, the longest pause while flows come, stay and expire, and what happens at the capacity. bench/README.md says how
// to read it.
//
//   node bench/flows.mjs [rates] [idle] [capacity] [--flows 1,1000,100000,1000000] [--rewriters IPRewriter,...]
//     [--repeats 3] [--json] [-o FILE.json]
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compilePlan, Router } from '../dist/index.js';
import { ipPacket, varied } from './scenarios.mjs';

const self = fileURLToPath(import.meta.url);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;

/** Protocol of the packets, where in them flows differ, and the input specification that begins their flows. */
const REWRITERS = {
  IPRewriter: { protocol: 6, at: 16, spec: 'pattern 203.0.113.1 1024-65535 - - 0 1' },
  TCPRewriter: { protocol: 6, at: 16, spec: 'pattern 203.0.113.1 1024-65535 - - 0 1' },
  UDPRewriter: { protocol: 17, at: 16, spec: 'pattern 203.0.113.1 1024-65535 - - 0 1' },
  IPAddrPairRewriter: { protocol: 17, at: 16, spec: 'pattern 203.0.113.1 - 0 1' },
  IPAddrRewriter: { protocol: 17, at: 12, spec: 'pattern 100.64.0.0-100.127.255.255 - 0 1' },
};
const packetOf = ({ protocol }) =>
  ipPacket(64, { protocol, src: '0a000002', dst: 'c0000207', ports: '13880050' });
const source = (name, kind, count, more) =>
  varied(packetOf(kind), kind.at, count)
    .replace('source ::', `${name} ::`)
    .replace('LIMIT $LIMIT, STOP true', `ACTIVE false, ${more}`);
const router = (sources, name, more = '') => `
rw :: ${name}(${sources.map(() => REWRITERS[name].spec).join(', ')}${more});
${sources.map((text, i) => `${text} -> MarkIPHeader -> [${i}] rw;`).join('\n')}
rw[0] -> c :: Counter -> Discard; rw[1] -> Discard;
`;

/** A router that runs; packets of a source are counted until it is done. */
async function start(text) {
  const r = await Router.create(compilePlan(text, 'flows.click'));
  const running = r.run();
  const number = async (handler) => Number(await r.read(handler));
  return {
    r,
    number,
    /** Sends `limit` more packets; ns of each. */
    async send(name, limit) {
      await r.write(`${name}.reset`);
      await r.write(`${name}.limit`, `${limit}`);
      await r.write(`${name}.active`, 'true');
      while ((await r.read(`${name}.active`)) !== 'false') await wait(5);
      return (await number(`${name}.elapsed`)) / limit;
    },
    /** The longest that a packet of `paced` was late, in microseconds, from now until `until` is true. */
    async pause(until) {
      await r.write('paced.reset');
      await r.write('paced.active', 'true');
      await until();
      const late = JSON.parse(await r.read('paced.late'));
      await r.write('paced.active', 'false');
      return { maxUs: late.max / 1e3, p99Us: late.p99 / 1e3 };
    },
    async close() {
      r.stop();
      await running;
      r.close();
    },
  };
}

const ONE = {
  /** Packets of `flows` flows in turn. */
  async rates({ rewriter, flows }) {
    const kind = REWRITERS[rewriter];
    const packets = Math.max(3_000_000, 3 * flows);
    const run = await start(router([source('all', kind, flows, 'LIMIT 0')], rewriter, ', CAPACITY 4000000'));
    await run.send('all', 1000); // what is there without flows
    const before = resident();
    const making = await run.send('all', Math.max(flows, 1000));
    const bytes = (resident() - before) / flows;
    const size = await run.number('rw.size');
    if (size !== flows) throw new Error(`${size} flows instead of ${flows}`);
    const ns = await run.send('all', packets);
    await run.close();
    return { mpps: 1e3 / ns, newFlowNs: flows > 1000 ? making : null, bytes: flows >= 100_000 ? bytes : null };
  },

  /** One active flow beside `flows` idle ones, which then expire. */
  async idle({ flows }) {
    const kind = REWRITERS.UDPRewriter;
    const one = { ...kind, at: 20 };
    const sources = [
      source('all', kind, Math.max(flows, 1), 'LIMIT 0'),
      source('one', one, 1, 'LIMIT 0'),
      source('paced', one, 1, 'RATE 100000, LIMIT -1, LAG 1s'),
    ];
    const seconds = 8;
    const run = await start(
      router(sources, 'UDPRewriter', `, CAPACITY 4000000, UDP_TIMEOUT ${seconds}, REAP_INTERVAL 1`),
    );
    await run.send('one', 1_000_000);
    const coming = await run.pause(async () => {
      if (flows) await run.send('all', flows);
      else await wait(500);
    });
    const born = performance.now();
    const ns = await run.send('one', 4_000_000);
    const idle = await run.number('rw.size');
    const staying = await run.pause(() => wait(1000));
    await wait(seconds * 1000 - 500 - (performance.now() - born));
    const left = await run.number('rw.size');
    let expiringMs = 0;
    const expiring = await run.pause(async () => {
      const until = performance.now() + 6000;
      let first = 0;
      while (performance.now() < until) {
        const size = await run.number('rw.size');
        if (!first && size < left) first = performance.now();
        if (first && size <= 2) {
          expiringMs = performance.now() - first;
          break;
        }
        if (!flows && performance.now() > until - 4000) break;
        await wait(20);
      }
    });
    const after = await run.number('rw.size');
    await run.close();
    if (after > 2) throw new Error(`${after} flows did not expire`);
    return { idle, mpps: 1e3 / ns, coming, staying, expiring, expiringMs };
  },

  /** Ten times as many flows as there is room for. */
  async capacity({ flows }) {
    const kind = REWRITERS.UDPRewriter;
    const text = (guarantee) =>
      router([source('all', kind, 10 * flows, 'LIMIT 0')], 'UDPRewriter', `, CAPACITY ${flows}, UDP_GUARANTEE ${guarantee}`);
    const result = {};
    for (const [name, guarantee] of [['evicting', 0], ['guaranteed', 300]]) {
      const run = await start(text(guarantee));
      await run.send('all', flows);
      const full = resident();
      const ns = await run.send('all', 10 * flows);
      const size = await run.number('rw.size');
      if (size > flows) throw new Error(`${size} flows, room for ${flows}`);
      result[name] = {
        size,
        ns,
        grownBytes: resident() - full,
        refused: await run.number('rw.mapping_failures'),
      };
      await run.close();
    }
    return result;
  },
};

const [, , first, ...rest] = process.argv;
if (first === '--one') {
  const [what, options] = rest;
  process.stdout.write(`${JSON.stringify(await ONE[what](JSON.parse(options)))}\n`);
  process.exit(0);
}

function usage(message) {
  console.error(`flows.mjs: ${message}`);
  process.exit(2);
}
function options() {
  try {
    return parseArgs({
      options: {
        flows: { type: 'string' },
        rewriters: { type: 'string', default: Object.keys(REWRITERS).join(',') },
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
const wanted = positionals.length ? positionals : Object.keys(ONE);
for (const what of wanted) if (!ONE[what]) usage(`expected ${Object.keys(ONE).join(', ')}, not '${what}'`);
const rewriters = values.rewriters.split(',');
for (const name of rewriters) if (!REWRITERS[name]) usage(`unknown rewriter '${name}'`);
const repeats = Number(values.repeats);
if (!(repeats >= 1)) usage('--repeats: expected a number from 1 on');
const counts = (otherwise) => (values.flows ? values.flows.split(',').map(Number) : otherwise);

function one(what, options) {
  const r = spawnSync(process.execPath, [self, '--one', what, JSON.stringify(options)], { encoding: 'utf8', timeout: 120_000 });
  if (r.status !== 0) throw new Error(`${what} ${JSON.stringify(options)}: ${r.error ?? r.stderr.trim().split('\n').at(-1)}`);
  return JSON.parse(r.stdout);
}
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
/** The run in the middle by rate. */
const middle = (runs, key) => runs.toSorted((a, b) => a[key] - b[key])[runs.length >> 1];
const several = (what, options) => Array.from({ length: repeats }, () => one(what, options));
const line = (cells) => console.log(cells.map((c, i) => (i ? `${c}`.padStart(13) : `${c}`.padEnd(20))).join(''));
const table = !values.json;
const result = { version: 1, kind: 'flows', date: new Date().toISOString(), environment: { cpu: cpus()[0]?.model ?? '', cores: cpus().length, node: process.version }, repeats };

if (wanted.includes('rates')) {
  if (table) line(['rewriter', 'flows', 'Mpps', 'new flow, ns', 'bytes a flow']);
  result.rates = rewriters.flatMap((rewriter) =>
    counts([1, 1000, 100_000, 1_000_000]).map((flows) => {
      const best = middle(several('rates', { rewriter, flows }), 'mpps');
      if (table) line([rewriter, flows, best.mpps.toFixed(1), best.newFlowNs?.toFixed(0) ?? '-', best.bytes?.toFixed(0) ?? '-']);
      return { rewriter, flows, ...best };
    }),
  );
}
if (wanted.includes('idle')) {
  if (table) line(['\nidle flows', 'Mpps of one', 'coming, us', 'staying, us', 'expiring, us', '99 % of them', 'lasts, ms']);
  result.idle = counts([0, 1_000_000]).map((flows) => {
    const runs = several('idle', { flows });
    // A pause that the host made is not the router's: the least of the longest ones.
    const least = (phase) => Math.min(...runs.map((r) => r[phase].maxUs));
    const row = {
      idle: flows,
      mpps: median(runs.map((r) => r.mpps)),
      longestPauseUs: { coming: least('coming'), staying: least('staying'), expiring: least('expiring') },
      expiringMs: median(runs.map((r) => r.expiringMs)),
      runs,
    };
    const us = (phase) => row.longestPauseUs[phase].toFixed(0);
    if (table) {
      const p99 = Math.min(...runs.map((r) => r.expiring.p99Us)).toFixed(0);
      line([flows, row.mpps.toFixed(1), us('coming'), us('staying'), us('expiring'), p99, row.expiringMs.toFixed(0)]);
    }
    return row;
  });
}
if (wanted.includes('capacity')) {
  if (table) line(['\ncapacity', 'kept', 'ns a packet', 'refused', 'grown, bytes']);
  result.capacity = counts([100_000]).flatMap((flows) => {
    const row = one('capacity', { flows });
    if (table)
      for (const [name, v] of Object.entries(row)) line([`${flows} ${name}`, v.size, v.ns.toFixed(0), v.refused, v.grownBytes]);
    return { capacity: flows, ...row };
  });
}
if (values.json) console.log(JSON.stringify(result, null, 2));
if (values.output) writeFileSync(values.output, `${JSON.stringify(result, null, 2)}\n`);
