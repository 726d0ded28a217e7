// Boots of a router as a virtual machine, phase by phase: medians in milliseconds from the first instruction of the
// monitor's process. Packets wait at the other side of port 0; the first packet is the guest's first frame sent.
//
//   node bench/boot.mjs [--json] [--rounds 15] [--config configs/middleboxes/ip-router.click] [--image ELF] [--monitor PATH]
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compilePlan, Router } from '../dist/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '15' },
    config: { type: 'string', default: join(root, 'configs/middleboxes/ip-router.click') },
    image: { type: 'string', default: join(root, 'build/guest/clicklet-guest.elf') },
    monitor: { type: 'string', default: join(root, 'build/monitor/clicklet-monitor') },
  },
});
const dir = mkdtempSync(join(tmpdir(), 'clicklet-boot-'));
const ports = [0, 1].map((n) => `vhost-user:${dir}/s${n}`);
const plan = compilePlan(readFileSync(values.config, 'utf8'), values.config, { target: 'guest' }).plan;
writeFileSync(join(dir, 'plan'), plan);
const generator = await Router.create(
  `InfiniteSource(LENGTH 26) -> UDPIPEncap(10.0.0.2, 9, 10.0.1.2, 9)
     -> EtherEncap(0x0800, 02:00:00:00:00:65, 02:00:00:00:00:10) -> Queue(256) -> ToDevice(0);
   Idle -> ToDevice(1); FromDevice(0) -> Discard; FromDevice(1) -> Discard;`,
  { ports },
);
const running = generator.run(0);
const phases = {};

/** One boot, up to the first frame that the guest sends. */
async function boot() {
  const args = ['--image', values.image, '--plan', join(dir, 'plan'), '--cpu', '1', '--events', '3'];
  const began = process.hrtime.bigint();
  const child = spawn(values.monitor, [...args, '--control', join(dir, 'control'), ...ports.flatMap((p) => ['--port', p])], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const seen = {};
  const links = [];
  for await (const line of createInterface({ input: child.stdio[3] })) {
    const e = JSON.parse(line);
    if (e.event === 'ready') Object.assign(seen, e.bootMs);
    if (e.event === 'link') links.push(e.ms);
    if (e.event === 'started') seen.started = e.ms;
    if (e.event === 'firstPacket') seen.firstPacket = e.at;
    if (seen.firstPacket && links.length === ports.length) break;
  }
  seen.linked = links.at(-1);
  child.kill('SIGKILL');
  await exited;
  for (const [name, ms] of Object.entries(seen)) (phases[name] ??= []).push(ms);
}

for (let i = 0; i < Number(values.rounds); i++) await boot();
generator.stop();
await running;
generator.close();
rmSync(dir, { recursive: true, force: true });
const ms = Object.fromEntries(
  Object.entries(phases).map(([name, list]) => {
    const v = list.toSorted((a, b) => a - b);
    return [name, { min: v[0], median: v[Math.floor(v.length / 2)], max: v.at(-1) }];
  }),
);
if (values.json) console.log(JSON.stringify({ version: 1, rounds: Number(values.rounds), ms }));
else
  for (const [name, { min, median, max }] of Object.entries(ms).sort((a, b) => a[1].median - b[1].median))
    console.log(`${name.padEnd(12)} ${median.toFixed(2)} ms (${min.toFixed(2)} to ${max.toFixed(2)})`);
