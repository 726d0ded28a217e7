/** Conformance cases: one text file each, with a configuration, its input and the expected bytes. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface ConformanceCase {
  path: string;
  info: string;
  args: string[];
  config: string;
  files: Map<string, string>;
  outs: Map<string, string>;
  stdout: string | undefined;
  stderr: string | undefined;
  exit: number | undefined;
}

const SECTION = /^%(info|args|config|file|stdout|stderr|out|exit|differs)\b[ \t]*(.*?)\r?\n?$/;

/** Parse a case. Text is Latin-1, so that a case can hold any byte. */
export function parseCase(path: string): ConformanceCase {
  const c: ConformanceCase = {
    path,
    info: '',
    args: [],
    config: '',
    files: new Map(),
    outs: new Map(),
    stdout: undefined,
    stderr: undefined,
    exit: undefined,
  };
  let add: (line: string) => void = () => undefined;
  for (const line of readFileSync(path, 'latin1').split(/(?<=\n)/)) {
    const m = SECTION.exec(line);
    if (!m) {
      add(line);
      continue;
    }
    const name = m[2]!;
    add = () => undefined;
    switch (m[1]) {
      case 'info':
        add = (l) => {
          c.info += l;
        };
        break;
      case 'args':
        add = (l) => {
          const words = l.trim().match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g) ?? [];
          c.args.push(...words.map((w) => w.replace(/^(["'])(.*)\1$/s, '$2')));
        };
        break;
      case 'config':
        add = (l) => {
          c.config += l;
        };
        break;
      case 'file':
      case 'out': {
        const map = m[1] === 'file' ? c.files : c.outs;
        map.set(name, '');
        add = (l) => map.set(name, map.get(name) + l);
        break;
      }
      case 'stdout':
        c.stdout = '';
        add = (l) => {
          c.stdout += l;
        };
        break;
      case 'stderr':
        c.stderr = '';
        add = (l) => {
          c.stderr += l;
        };
        break;
      case 'exit':
        c.exit = Number(name);
        break;
    }
  }
  return c;
}

/** Every case below a folder, by path. */
export function findCases(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) return findCases(path);
      return name.endsWith('.case') ? [path] : [];
    });
}
