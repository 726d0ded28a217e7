// Builds the TypeScript side into dist/: the grammar's parser; bundles of the library, of `clicklet` and of Click's
// own commands, these in a form that V8 can keep compiled.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import peggy from 'peggy';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const grammar = join(root, 'src/lang/click.peggy');
writeFileSync(
  join(root, 'src/lang/parser.js'),
  peggy.generate(readFileSync(grammar, 'utf8'), { output: 'source', format: 'es', grammarSource: grammar }),
);
const dist = join(root, 'dist');
mkdirSync(dist, { recursive: true });
for (const name of readdirSync(dist)) if (name !== 'types') rmSync(join(dist, name), { recursive: true });
// The library's declarations, dist/types/, meanwhile.
const types = new Promise((done) => {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const child = spawn(process.execPath, [tsc, '-p', 'tsconfig.types.json'], { cwd: root, stdio: 'inherit' });
  child.on('error', () => done(1)).on('close', done);
});
const common = {
  absWorkingDir: root,
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
};
await Promise.all([
  esbuild.build({
    ...common,
    entryPoints: { clicklet: 'src/cli/main.ts', index: 'src/index.ts' },
    splitting: true,
    format: 'esm',
    chunkNames: 'chunks/[name]-[hash]',
  }),
  esbuild.build({
    ...common,
    entryPoints: { commands: 'src/cli/commands.ts' },
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    define: { 'import.meta.url': 'moduleUrl' },
    banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  }),
]);
spawnSync(process.execPath, [join(root, 'scripts/code-cache.mjs')], { stdio: 'ignore' });
if ((await types) !== 0) process.exitCode = 1;
