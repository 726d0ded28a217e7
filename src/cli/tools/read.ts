/** Where the configuration of Click's commands comes from: a file, standard input, an expression, or an archive. */

import { readFileSync } from 'node:fs';
import { CliError, EXIT } from '../output.ts';
import { type ArchiveMember, isArchive, parseArchive } from './archive.ts';

/** A configuration's text, the name it is reported by, and what else was in its archive. */
export interface RouterText {
  text: string;
  file: string;
  archive: ArchiveMember[];
}

/** What a command line says about the configuration. Nothing means standard input. */
export interface RouterSource {
  file?: string;
  expression?: string;
}

/** The name messages know a source by. */
export function sourceName(source: RouterSource): string {
  if (source.expression !== undefined) return 'config';
  return source.file === undefined || source.file === '-' ? '<stdin>' : source.file;
}

const WHY: Record<string, string> = {
  ENOENT: 'No such file or directory',
  EISDIR: 'Is a directory',
  EACCES: 'Permission denied',
};

/** A file's bytes, `-` for standard input; failures are `NAME: Reason` as the system words them. */
export function readBytes(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    throw new CliError(`${file === '-' ? '<stdin>' : file}: ${WHY[code ?? ''] ?? message}`, EXIT.input);
  }
}

/** Bytes to text: UTF-8, or Latin-1 where they are not UTF-8. */
export function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
}

/** Read a configuration, out of its archive if it is in one. */
export function readRouter(source: RouterSource): RouterText {
  const file = sourceName(source);
  const { expression } = source;
  const bytes = expression === undefined ? readBytes(source.file ?? '-') : undefined;
  const text = bytes ? decode(bytes) : expression!;
  if (!isArchive(text)) return { text, file, archive: [] };
  const archive = parseArchive(bytes ?? Buffer.from(text), file);
  const config = archive.find(({ name }) => name === 'config');
  if (!config) throw new CliError(`${file}: archive has no 'config' section`, EXIT.input);
  return { text: decode(config.data), file, archive };
}

/** `NAME=value` on a command line, or undefined for any other word. */
export function parseDefinition(word: string): { name: string; value: string } | undefined {
  const match = /^([A-Za-z0-9_]+)=(.*)$/s.exec(word);
  return match ? { name: match[1]!, value: match[2]! } : undefined;
}
