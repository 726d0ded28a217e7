// Formats the C sources with clang-format, or with --check reports those that differ. Skips with a reason where
// clang-format is not installed.
import { spawnSync } from 'node:child_process';

const check = process.argv.includes('--check');
const files = spawnSync(
  'git',
  ['ls-files', '-co', '--exclude-standard', 'native/**/*.[ch]', 'elements/**/*.[ch]'],
  {
    encoding: 'utf8',
  },
)
  .stdout.split('\n')
  .filter(Boolean);
const args = check ? ['--dry-run', '--Werror'] : ['-i'];
const run = spawnSync('clang-format', [...args, ...files], { stdio: 'inherit' });
if (run.error)
  console.error('C format check skipped: clang-format is not installed (apt-get install clang-format)');
else process.exitCode = run.status ?? 1;
