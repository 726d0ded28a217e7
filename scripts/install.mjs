// Builds the C parts through cmake-js, by native/CMakeLists.txt. Run by `npm install`. On other systems than Linux on
// x86-64 it says what will not work and succeeds: the front end and the tools need no C.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

function fail(message) {
  console.error(`clicklet: ${message}`);
  process.exit(3);
}

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error(
    `clicklet: running routers needs Linux on x86-64; on ${process.platform} ${process.arch} parsing, checking and the graph tools work, run and boot do not`,
  );
  process.exit(0);
}

const has = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
const missing = [];
if (!has('cmake')) missing.push('cmake');
if (!has(process.env.CC ?? 'cc')) missing.push('gcc');
if (!has(process.env.CXX ?? 'c++')) missing.push('g++');
if (!has('make') && !has('ninja')) missing.push('make');
if (missing.length)
  fail(
    `to build the engine ${missing.join(', ')} must be installed first: apt-get install ${missing.join(' ')}`,
  );

const require = createRequire(import.meta.url);
const cmakeJs = join(dirname(require.resolve('cmake-js/package.json')), 'bin', 'cmake-js');
mkdirSync(join(root, 'build'), { recursive: true });
const args = ['compile', '-d', 'native', '-O', join(root, 'build'), '--CDCMAKE_BUILD_TYPE=Release'];
if (has('ninja')) args.push('-G', 'Ninja');
const env = { ...process.env, MAKEFLAGS: process.env.MAKEFLAGS ?? '-j2' };
const run = spawnSync(process.execPath, [cmakeJs, ...args], { cwd: root, encoding: 'utf8', env });
const log = `${run.stdout ?? ''}${run.stderr ?? ''}`;
writeFileSync(join(root, 'build', 'build.log'), log);
if (run.status !== 0) {
  const errors = log
    .split('\n')
    .filter((line) => /error:|undefined reference|multiple definition|CMake Error/.test(line));
  for (const line of errors.slice(0, 20)) console.error(line.slice(0, 300));
  fail('the C build failed; the whole log is in build/build.log');
}

// The class table that the front end reads: dumped by the engine itself.
const table = spawnSync(join(root, 'build', 'clicklet-engine'), ['--table'], {
  encoding: 'utf8',
  maxBuffer: 1 << 26,
});
if (table.status !== 0) fail(`the class table could not be made: ${table.stderr || table.error}`);
mkdirSync(join(root, 'src', 'generated'), { recursive: true });
writeFileSync(join(root, 'src', 'generated', 'elements.json'), table.stdout);
// What V8 keeps of the commands depends on this very Node.
if (existsSync(join(root, 'dist', 'commands.cjs')))
  spawnSync(process.execPath, [join(root, 'scripts', 'code-cache.mjs')], { stdio: 'ignore' });
