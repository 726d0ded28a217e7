/** Many elements' C files as one: names and macros that several of them have keep each file's own meaning. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findCompiler } from '../../../src/engine/fuse/compiler.ts';
import { type ClassSource, classSource, UnitHeaders, UnitSources } from '../../../src/engine/fuse/sources.ts';
import { packagePath } from '../../../src/engine/paths.ts';
import { classTable } from '../../../src/engine/table.ts';

const dir = mkdtempSync(join(tmpdir(), 'clicklet-sources-'));
afterAll(() => rmSync(dir, { recursive: true }));

/** A source of these files in a folder of its own; `own` is the last one. */
function source(type: string, files: Record<string, string>): ClassSource {
  const paths = Object.entries(files).map(([name, text]) => {
    writeFileSync(join(dir, name), text);
    return relative(packagePath(), join(dir, name));
  });
  const isHeader = (f: string) => f.endsWith('.h');
  return {
    type,
    files: paths.filter((f) => !isHeader(f)),
    headers: paths.filter(isHeader),
    actionText: '',
    pushes: false,
  };
}

const guarded = (name: string, text: string) => `#ifndef ${name}_H\n#define ${name}_H\n${text}\n#endif\n`;

/** Compiles a program in front of which the sources stand; what it prints. */
function output(sources: UnitSources, used: readonly ClassSource[], main: string): string {
  const file = join(dir, 'unit.c');
  writeFileSync(file, ['#include <stdio.h>', ...sources.includes(used), main].join('\n'));
  const program = join(dir, 'unit');
  execFileSync(findCompiler()!.command, ['-w', '-I', packagePath(), '-o', program, file]);
  return execFileSync(program, { encoding: 'utf8' });
}

if (!findCompiler()) console.log('no C compiler: no unit of several elements is compiled');

describe.skipIf(!findCompiler())('sources of several elements in one unit', () => {
  const a = source('A', {
    'a.c':
      '#define LIMIT 1\nstatic int helper(void) { return LIMIT; }\nstatic int a(void) { return helper(); }\n',
  });
  const b = source('B', {
    'b.h': guarded('B', '#define LIMIT 2\nstatic inline int helper(void) { return 20 + LIMIT; }'),
    'b.c':
      '#include "b.h"\ntypedef struct Flow { char c[7]; } Flow;\nstatic int b(void) { return helper() + sizeof(Flow); }\n',
  });
  const c = source('C', {
    'c.c':
      '#define LIMIT 3\ntypedef struct Flow { char c[9]; } Flow;\nstatic int helper(void) { return LIMIT + sizeof(struct Flow); }\nstatic int c(void) { return helper(); }\n',
  });
  const all = [a, b, c];

  it('each file keeps its own names, those of headers included', () => {
    for (const used of [all, [...all].reverse()]) {
      const sources = new UnitSources(all);
      const main = `int main(void) { printf("%d %d %d %d", a(), b(), c(), LIMIT + helper()); }`;
      expect(output(sources, used, main)).toBe('1 29 12 24');
    }
  });

  it('so does one file beside one header', () => {
    const main = 'int main(void) { printf("%d %d %d", a(), b(), LIMIT); }';
    expect(output(new UnitSources([a, b]), [a, b], main)).toBe('1 29 2');
  });

  it('code from outside is told the names', () => {
    const sources = new UnitSources(all);
    const main = all
      .map((s) => sources.own(s, `${s.type === 'B' ? 'sizeof(Flow)' : 'helper()'}`))
      .map((code) => `printf("%d ", (int)${code});`);
    expect(output(sources, all, `int main(void) { ${main.join(' ')} }`)).toBe('1 7 12 ');
  });

  it('a class whose header has a name of another header stays out, and says why', () => {
    const headers = new UnitHeaders();
    const d = source('D', { 'd.h': guarded('D', 'static int helper(void);'), 'd.c': '#include "d.h"\n' });
    const e = source('E', { 'e.h': guarded('E', '#define LIMIT 4'), 'e.c': '#include "e.h"\n' });
    expect(all.map((s) => headers.add(s))).toEqual([undefined, undefined, undefined]);
    expect(headers.add(d)).toMatch(/d\.h and \S+b\.h both define helper$/);
    expect(headers.add(e)).toMatch(/e\.h and \S+b\.h both define LIMIT$/);
    expect(headers.add(b)).toBeUndefined();
  });

  it('all classes that can be fused, in one unit', () => {
    const classes = [...classTable()];
    const files = new Set(classes.map((k) => k.file));
    const headers = new UnitHeaders();
    const refused: string[] = [];
    const used = classes.flatMap((k) => {
      const s = classSource(k, files);
      if (!('type' in s)) return [];
      const why = headers.add(s);
      if (why) refused.push(why);
      return [{ ...s, action: k.action }];
    });
    expect(refused).toEqual([]);
    expect(used.length).toBeGreaterThan(200);
    const sources = new UnitSources(used);
    const actions = used.flatMap((s) =>
      s.action
        ? `FUSED_INLINE int ${sources.own(s, s.action)}(${sources.own(s, s.type)} *e, Packet *p);`
        : [],
    );
    const running = new Set(
      used.map((s) => `void run_${s.type}(${sources.own(s, s.type)} *e) { FUSED_RUNNING(*e); }`),
    );
    const file = join(dir, 'all.c');
    const table = used.map((s) => `&element_class_${s.type},`);
    writeFileSync(
      file,
      [
        '#include <clicklet/fused_unit.h>',
        ...sources.includes(used),
        ...new Set(actions),
        ...running,
        'const ElementClass *classes[] = {',
        ...table,
        '};',
      ].join('\n'),
    );
    const flags = [
      '-std=gnu11',
      '-w',
      '-fsyntax-only',
      '-I',
      packagePath('native', 'include'),
      '-I',
      packagePath(),
    ];
    for (const target of [[], ['-DCLICKLET_GUEST', '-ffreestanding']])
      execFileSync(findCompiler()!.command, [...flags, ...target, file], { encoding: 'utf8' });
  });
});
