/** Results that were written before. */

import { readFileSync } from 'node:fs';
import { CliError, EXIT } from '../cli/output.ts';
import { type BenchResult, ResultSchema } from './results.ts';

/** Throws CliError. */
export function readResult(file: string): BenchResult {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    const why = { ENOENT: 'no such file', EACCES: 'permission denied', EISDIR: 'a directory' }[code ?? ''];
    throw new CliError(`${file}: ${why ?? message}`, EXIT.input);
  }
  return parseResult(text, file);
}

/** Throws CliError that says what is wrong with it, and where. */
export function parseResult(text: string, file: string): BenchResult {
  const fail = (why: string): never => {
    throw new CliError(`${file}: ${why}`, EXIT.input);
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (e) {
    return fail(`not JSON${placeOf(text, (e as Error).message)}`);
  }
  const r = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if ('scenarios' in r)
    fail('a result of bench-suite: expected one of bench, as --json or --report write it');
  if ('pacing' in r) fail('a result of pktgen: expected one of bench, as --json or --report write it');
  if (typeof r.version !== 'number' || !('trials' in r))
    fail('not a benchmark result: expected what --json or --report write');
  if (r.version !== 1) fail(`version ${r.version} of results: this Clicklet reads version 1`);
  const result = ResultSchema.safeParse(value);
  if (result.success) return result.data;
  const i = result.error.issues[0]!;
  return fail(`not a benchmark result: ${i.path.join('.')}: ${i.message}`);
}

/** Where JSON.parse gave up: it says a position in some cases, or that the text ends. */
function placeOf(text: string, message: string): string {
  if (!text.trim()) return ': the file is empty';
  const at =
    /position (\d+)/.exec(message)?.[1] ??
    (/end of JSON|Unterminated/.test(message) ? text.length : undefined);
  if (at === undefined) return '';
  const before = text.slice(0, Number(at)).split('\n');
  return `: ${Number(at) >= text.length ? 'it ends early, in' : 'wrong from'} line ${before.length}, column ${before.at(-1)!.length + 1}${Number(at) >= text.length ? '' : ' on'}`;
}
