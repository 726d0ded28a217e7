// Many virtual routers from one topology file: how fast they start, what they cost while idle, and how they end.
//
//   node bench/density.mjs [COUNT]        default 1000; each has a port on a host switch, up to a thousand on one
//
// Prints one JSON document. `lastToFirst` is the median boot of the last hundred over that of the first hundred.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const clicklet = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'clicklet.js');
const count = Number(process.argv[2] ?? 1000);
const IDLE_S = 10;
const dir = mkdtempSync(join(tmpdir(), 'clicklet-density-'));
const state = join(dir, 's');
const env = { ...process.env, CLICKLET_STATE: state };
const run = (...args) =>
  JSON.parse(execFileSync(process.execPath, [clicklet, ...args, '--json'], { cwd: dir, env, maxBuffer: 1 << 28 }));
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

/** Ticks and resident bytes of all processes that serve a router or switch of ours. */
function processes() {
  const sum = { count: 0, ticks: 0, bytes: 0 };
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`--control\0${state}/`)) continue;
      const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      sum.count++;
      sum.ticks += Number(fields[11]) + Number(fields[12]);
      sum.bytes += Number(fields[21]) * 4096;
    } catch {
      // it has just ended
    }
  }
  return sum;
}

writeFileSync(
  join(dir, 'echo.click'),
  'FromDevice(0) -> c :: Counter -> EtherMirror -> Queue(32) -> ToDevice(0);\n',
);
const groups = Array.from({ length: Math.ceil(count / 1000) }, (_, i) => {
  const replicas = Math.min(1000, count - 1000 * i);
  return `  r${i}: { config: echo.click, replicas: ${replicas}, ports: [ switch:lan${i} ] }\n`;
});
writeFileSync(join(dir, 'many.yaml'), `name: many\nrouters:\n${groups.join('')}`);
try {
  const load = loadavg()[0];
  const up = run('up', 'many.yaml');
  const boots = up.started.map((s) => s.bootMs.configure);
  const part = Math.min(100, boots.length >> 1);
  await sleep(5);
  const before = processes();
  await sleep(IDLE_S);
  const after = processes();
  const downStart = performance.now();
  run('down', 'many.yaml');
  console.log(
    JSON.stringify(
      {
        version: 1,
        routers: up.started.length,
        failed: up.failed.length,
        loadBefore: load,
        startS: up.ms / 1000,
        bootMs: { first: median(boots.slice(0, part)), last: median(boots.slice(-part)) },
        lastToFirst: median(boots.slice(-part)) / median(boots.slice(0, part)),
        idleCpuPercent: (after.ticks - before.ticks) / IDLE_S, // of one core: a tick is 10 ms
        residentMiBEach: after.bytes / after.count / 2 ** 20,
        downS: (performance.now() - downStart) / 1000,
        leftProcesses: processes().count,
      },
      null,
      2,
    ),
  );
} finally {
  rmSync(dir, { recursive: true, force: true });
}
