// `npm start`: builds what is missing or older than its sources, then boots the IP router as a virtual machine, drives it
// with the traffic generator for about ten seconds and prints what came of it. Writes report.html and report.json into
// the current directory. Arguments are passed on to `clicklet bench`; with --json one JSON document goes to stdout and
// nothing else (npm prints no banner: see .npmrc).
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Time of the last change below a file or folder, ms. */
function newest(path) {
  if (!existsSync(path)) return 0;
  const s = statSync(path);
  if (!s.isDirectory()) return s.mtimeMs;
  return readdirSync(path).reduce((t, name) => Math.max(t, newest(join(path, name))), 0);
}

const isStale = (product, sources) => {
  const file = join(root, product);
  return !existsSync(file) || sources.some((s) => newest(join(root, s)) > statSync(file).mtimeMs);
};

function step(script, why) {
  process.stderr.write(`${why}\n`);
  const { status } = spawnSync(process.execPath, [join(root, 'scripts', script)], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(join(root, 'node_modules'))) {
  process.stderr.write("clicklet: dependencies are missing: run 'npm install' first\n");
  process.exit(3);
}
const canRun = process.platform === 'linux' && process.arch === 'x64';
if (canRun && isStale('build/build.log', ['native', 'elements', 'package.json']))
  step('install.mjs', 'building the engine, the monitor and the guest');
if (isStale('dist/clicklet.js', ['src', 'scripts/build.mjs'])) step('build.mjs', 'building the command line');

const config = relative(process.cwd(), join(root, 'configs', 'middleboxes', 'ip-router.click'));
const args = [
  '--size',
  '64',
  '--duration',
  '6',
  '--search',
  'none',
  '--report',
  'report.html',
  ...process.argv.slice(2),
];
const child = spawn(process.execPath, [join(root, 'bin', 'clicklet.js'), 'bench', config, ...args], {
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 130 : 1)));
