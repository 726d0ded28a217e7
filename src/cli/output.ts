/** What every command shares about output and exit: data on stdout, messages on stderr, documented exit status. */

import { writeSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import { ConfigurationError } from '../engine/router.ts';
import { type Diagnostic, formatDiagnostics } from '../lang/diagnostics.ts';
import { classicMessages, formatClassic } from './tools/classic.ts';

/** Exit status of every command. */
export const EXIT = { ok: 0, input: 1, usage: 2, host: 3, gate: 4 } as const;

/** An expected failure: one clear message and an exit status. */
export class CliError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number = EXIT.input) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Writes all of it, in order with what the engine writes to the same descriptor. */
export function writeAll(fd: number, text: string | Uint8Array): void {
  let rest = typeof text === 'string' ? Buffer.from(text) : text;
  while (rest.length) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (e) {
      const code = (e as NodeJS.ErrnoException).code;
      if (code === 'EPIPE') process.exit(EXIT.ok);
      if (code !== 'EAGAIN') throw e;
    }
  }
}

export const print = (text: string): void => writeAll(1, text);
/** Of a string with a character a byte. */
export const printBytes = (text: string): void => writeAll(1, Buffer.from(text, 'latin1'));
export const message = (text: string): void => writeAll(2, text);

/** Colour belongs on a terminal, unless NO_COLOR says no or FORCE_COLOR says yes. */
export function useColor(stream: NodeJS.WriteStream): boolean {
  if (process.env.NO_COLOR) return false;
  return Boolean(process.env.FORCE_COLOR) || stream.isTTY === true;
}

/** What a verb that only acts says under `--json`: one object a line. */
export function done(o: { json?: boolean }, name: string, event: string): void {
  if (o.json) print(`${JSON.stringify({ version: 1, name, event })}\n`);
}

/** Print located diagnostics on stderr. */
export function report(diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.length === 0) return;
  if (classicMessages()) message(formatClassic(diagnostics));
  else message(formatDiagnostics(diagnostics, { color: useColor(process.stderr) }));
}

/** Diagnostics as data, for `--json`. Lines and columns count from 1. */
export function diagnosticsJson(diagnostics: readonly Diagnostic[]): unknown[] {
  const place = (span: Diagnostic['span']) => (span ? span.source.locate(span.start) : {});
  return diagnostics.map((d) => ({
    severity: d.severity,
    message: d.message,
    ...place(d.span),
    notes: d.notes.map((n) => ({ message: n.message, ...place(n.span) })),
  }));
}

/** What went wrong with which file, without the name of the system call. */
function fileProblem(e: NodeJS.ErrnoException): string {
  const why = e.errno === undefined ? undefined : getSystemErrorMap().get(e.errno)?.[1];
  return why === undefined ? e.message : `${e.path}: ${why}`;
}

/** Run a command; turn what it throws into one message and an exit status. */
export async function runCommand(name: string, body: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await body();
  } catch (e) {
    if (e instanceof ConfigurationError) report(e.diagnostics);
    else if (e instanceof Error && 'exitCode' in e)
      message('located' in e ? `${e.message}\n` : `${name}: ${e.message}\n`);
    else if (e instanceof Error && 'code' in e && typeof e.code === 'string' && 'path' in e)
      message(`${name}: ${fileProblem(e as NodeJS.ErrnoException)}\n`);
    else throw e;
    process.exitCode = e instanceof Error && 'exitCode' in e ? Number(e.exitCode) : EXIT.input;
  }
}
