/** The verbs of `clicklet` that turn a configuration into another, or show it. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../system/hosts.ts';

const SOURCE = `// kept
InfiniteSource(LIMIT 5)->c :: Counter->Discard; Idle->n :: Null->Discard;
`;
const PATTERNS = `elementclass X { input -> Null -> output }
elementclass X_Replacement { input -> Counter -> output }
`;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'clicklet-rewrite-'));
  writeFileSync(join(dir, 'a.click'), SOURCE);
  writeFileSync(join(dir, 'p.click'), PATTERNS);
  writeFileSync(join(dir, 'r.click'), 'FromDevice(eth0) -> q :: Queue -> ToDevice(eth0);\n');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function run(...args: string[]) {
  const words = [join(root, 'bin/clicklet.js'), ...args];
  return spawnSync(process.execPath, words, { cwd: dir, encoding: 'utf8', timeout: 30_000 });
}

const names = (text: string): string[] => JSON.parse(text).elements.map(({ name }: { name: string }) => name);

describe('clicklet verbs over the passes', () => {
  it('undead removes what no packet can pass, and says so in JSON', () => {
    const { status, stdout } = run('undead', 'a.click', '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ version: 1, removed: ['Idle@4', 'n', 'Discard@6'] });
    expect(names(stdout)).toContain('c');
    expect(run('undead', 'a.click').stdout).toBe(JSON.parse(stdout).configuration);
  });

  it('fmt checks, prints and writes, and is content with what it wrote', () => {
    expect(run('fmt', '--check', 'a.click').status).toBe(1);
    const { stdout } = run('fmt', 'a.click');
    expect(stdout).toContain('// kept\n');
    writeFileSync(join(dir, 'w.click'), SOURCE);
    expect(run('fmt', '--write', 'w.click').status).toBe(0);
    expect(readFileSync(join(dir, 'w.click'), 'utf8')).toBe(stdout);
    expect(run('fmt', '--check', 'w.click').status).toBe(0);
    writeFileSync(join(dir, 'made.click'), '# 3 "x.click"\nIdle->Discard');
    expect(run('fmt', 'made.click')).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('made.click:1:1: error: line directives would be lost'),
    });
  });

  it('flatten and check take NAME=value and nothing else', () => {
    for (const verb of ['flatten', 'check'])
      expect(run(verb, 'a.click', 'word')).toMatchObject({
        status: 2,
        stdout: '',
        stderr: "clicklet: 'word' is not NAME=value\n",
      });
    expect(run('check', '--target', 'moon', 'a.click').status).toBe(2);
  });

  it('graph prints ports and connections, or DOT', () => {
    const data = JSON.parse(run('graph', 'a.click').stdout);
    expect(data.version).toBe(1);
    expect(data.elements[1]).toMatchObject({ name: 'c', class: 'Counter', inputs: ['push'] });
    expect(run('graph', '--dot', 'a.click').stdout).toContain('"c":o0 -> "Discard@3":i0;');
  });

  it('pretty makes a page, or a drawing', () => {
    expect(run('pretty', 'a.click').stdout).toMatch(/^<!DOCTYPE html>/);
    expect(run('pretty', '--graphml', 'a.click').stdout).toContain('<graphml');
    expect(run('pretty', '--dot', '--gml', 'a.click').status).toBe(2);
  });

  it('align and xform give configurations that are accepted', () => {
    expect(run('align', 'a.click').stdout).toContain('c :: Counter;');
    const xformed = run('xform', 'a.click', '-p', 'p.click', '--json');
    expect(JSON.parse(xformed.stdout)).toMatchObject({ version: 1, replacements: 1 });
    expect(names(xformed.stdout)).toContain('X@1/Counter@1');
    expect(names(xformed.stdout)).not.toContain('n');
  });

  it('combine links routers, and uncombine takes one out again', () => {
    const made = run('combine', 'a=r.click', 'b=r.click', 'a.eth0=b.eth0', '-o', 'c.ar');
    expect(made).toMatchObject({ status: 0, stderr: '' });
    const { status, stdout } = run('uncombine', 'c.ar', 'b', '--json');
    expect(status).toBe(0);
    expect(names(stdout).sort()).toEqual(['FromDevice@1', 'ToDevice@3', 'q']);
    expect(run('uncombine', 'c.ar', 'z')).toMatchObject({ status: 1 });
  });

  it('exits 2 for what is no option, and 1 for what is no file', () => {
    for (const verb of ['pretty', 'graph', 'fmt', 'undead', 'align', 'combine', 'uncombine', 'xform'])
      expect(run(verb, '--bogus', 'a.click').status, verb).toBe(2);
    expect(run('align', 'a.click', 'word').status).toBe(2);
    expect(run('align', 'nothing.click').status).toBe(1);
  });
});
