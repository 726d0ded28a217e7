// Builds the TypeScript side into dist/: the grammar's parser, one bundle for each command and one for the library.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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
// Click's tools, each a file in src/cli/tools/ and a command `click-NAME`.
const TOOLS = [
  'align',
  'buildtool',
  'check',
  'combine',
  'devirtualize',
  'fastclassifier',
  'flatten',
  'pretty',
  'uncombine',
  'undead',
  'viz',
  'xform',
];
const tools = Object.fromEntries(TOOLS.map((name) => [`click-${name}`, `src/cli/tools/${name}.ts`]));
mkdirSync(join(root, 'dist'), { recursive: true });
// The library's declarations, dist/types/, meanwhile.
const types = new Promise((done) => {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const child = spawn(process.execPath, [tsc, '-p', 'tsconfig.types.json'], { cwd: root, stdio: 'inherit' });
  child.on('error', () => done(1)).on('close', done);
});
await esbuild.build({
  absWorkingDir: root,
  entryPoints: {
    click: 'src/cli/click.ts',
    clicklet: 'src/cli/main.ts',
    index: 'src/index.ts',
    ...tools,
    click2xml: 'src/cli/tools/click2xml.ts',
    xml2click: 'src/cli/tools/xml2click.ts',
  },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  chunkNames: 'chunks/[name]-[hash]',
  logLevel: 'warning',
});
if ((await types) !== 0) process.exitCode = 1;
