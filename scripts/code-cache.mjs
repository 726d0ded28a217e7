// Runs a command of dist/commands.cjs and keeps what V8 compiled for it, so that the next start finds it done.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const file = resolve(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'commands.cjs.cache');
const configuration = `define($N 3); elementclass Two { $a | input -> Paint($a) -> q :: Queue(CAPACITY 5) -> output }
  RatedSource("x y", LIMIT 2) -> t :: Two($N) -> u :: Unqueue -> c, d :: Counter; c -> Discard; t[0] -> u`;
rmSync(file, { force: true });
const { script, run } = createRequire(import.meta.url)(join(dirname(file), '..', 'bin', 'launch.js')).load();
const lines = [
  ['click', '-q', '-e', 'Idle -> c :: Counter -> Discard', '-h', 'c.count'],
  ['click-flatten', '-e', configuration, '-o', '/dev/null'],
];
process.on('beforeExit', () => {
  const line = lines.shift();
  if (!line) return;
  process.argv = [process.execPath, ...line];
  run(line[0]);
});
process.on('exit', () => {
  process.exitCode = 0;
  writeFileSync(`${file}.new`, script.createCachedData());
  renameSync(`${file}.new`, file);
});
