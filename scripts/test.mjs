// `npm test`: builds what is stale, then runs every test. The last line is `N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const run = (script, ...args) =>
  spawnSync(process.execPath, [join(root, script), ...args], { cwd: root, stdio: 'inherit' }).status;

for (const script of ['scripts/install.mjs', 'scripts/build.mjs'])
  if (run(script) !== 0) {
    console.log('0 passed, 1 failed');
    process.exit(1);
  }

const dir = mkdtempSync(join(tmpdir(), 'clicklet-test-'));
const output = join(dir, 'results.json');
const status = run(
  'node_modules/vitest/vitest.mjs',
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${output}`,
  ...process.argv.slice(2),
);
let failed = 1;
let passed = 0;
let skipped = 0;
try {
  const results = JSON.parse(readFileSync(output, 'utf8'));
  failed = results.numFailedTests;
  passed = results.numPassedTests;
  skipped = results.numPendingTests + results.numTodoTests;
  // A file that could not be loaded has no tests to count.
  failed += results.testResults.filter(
    (f) => f.status === 'failed' && f.assertionResults.length === 0,
  ).length;
} catch (e) {
  console.error(`no test results: ${e.message}`);
}
rmSync(dir, { recursive: true, force: true });
if (status !== 0 && failed === 0) failed = 1;
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed ? 1 : 0;
