/** The examples of docs/library.md and README.md: each has the types it should and prints what its comments say. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../system/hosts.ts';

interface Example {
  title: string;
  name: string;
  code: string;
}

const examples = ['docs/library.md', 'README.md'].flatMap((file): Example[] => {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(({ 1: code, index }) => {
    const line = text.slice(0, index).split('\n').length;
    return { title: `${file}:${line}`, name: `${file.replace(/\W/g, '_')}_${line}`, code: code! };
  });
});

/** What stands after `// prints`, and in the comments below that are indented further. */
function expectedOutput(code: string): string[] {
  return [...code.matchAll(/\/\/ prints (.*(?:\n\/\/(?: {8}.*|$))*)/gm)].flatMap(({ 1: text }) =>
    text!.split('\n').map((line) => line.replace(/^\/\//, '').trim()),
  );
}

const withoutBlanks = (lines: string[]) => lines.map((line) => line.trim()).filter(Boolean);

// Inside the package, so that 'clicklet' is the package itself.
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(root, 'dist/examples-'));
  for (const { name, code } of examples) {
    writeFileSync(join(dir, `${name}.ts`), code);
    writeFileSync(join(dir, `${name}.mjs`), transformSync(code, { loader: 'ts', format: 'esm' }).code);
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('library examples', () => {
  it.each(examples)('$title prints what it says', ({ name, code }) => {
    const words = [join(dir, `${name}.mjs`)];
    const { stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', timeout: 30_000 });
    expect(stderr).toBe('');
    expect(expectedOutput(code).length).toBeGreaterThan(0);
    expect(withoutBlanks(stdout.split('\n'))).toEqual(withoutBlanks(expectedOutput(code)));
  });

  it('are accepted by the compiler with the declarations that are published', () => {
    const options = '--noEmit --strict --target es2022 --module nodenext --types node'.split(' ');
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const files = examples.map(({ name }) => join(dir, `${name}.ts`));
    const { stdout } = spawnSync(process.execPath, [tsc, '--ignoreConfig', ...options, ...files], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
  });
});
