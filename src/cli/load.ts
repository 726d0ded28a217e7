/** Finding and reading configurations and the libraries they require. */

import { existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { CliError, EXIT } from './output.ts';

/** A configuration's text and the name its positions are reported in. */
export interface ConfigText {
  text: string;
  file: string;
}

/** Bytes to text: UTF-8, or Latin-1 where they are not UTF-8. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
}

/** Read a configuration file; `-` is standard input. */
export function readConfig(file: string): ConfigText {
  try {
    if (file === '-') return { text: decode(readFileSync(0)), file: 'config' };
    return { text: decode(readFileSync(file)), file };
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    const why =
      code === 'ENOENT'
        ? 'no such file'
        : code === 'EISDIR'
          ? 'it is a directory'
          : code === 'EACCES'
            ? 'permission denied'
            : String((e as Error).message);
    throw new CliError(`${file}: cannot read the configuration: ${why}`, EXIT.input);
  }
}

/** Split command line words into `NAME=value` definitions and the rest. */
export function splitDefinitions(words: readonly string[]): {
  variables: Record<string, string>;
  rest: string[];
} {
  const variables: Record<string, string> = {};
  const rest: string[] = [];
  for (const word of words) {
    const m = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(word);
    if (m) variables[m[1]!] = m[2]!;
    else rest.push(word);
  }
  return { variables, rest };
}

/** `require(library F)`: from CLICKPATH as the reference, and then from the working directory in any case. */
export function libraryResolver(clickPath = process.env.CLICKPATH ?? '') {
  return (name: string): { file: string; text: string } | undefined => {
    const folders = clickPath.split(delimiter).filter(Boolean);
    const places = [...folders.flatMap((dir) => [join(dir, 'conf'), dir]), '.'];
    for (const place of places) {
      const file = name.startsWith('/') ? name : join(place, name);
      if (existsSync(file) && statSync(file).isFile()) return { file, text: decode(readFileSync(file)) };
    }
    return undefined;
  };
}
