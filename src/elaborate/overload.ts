/** Which body of a compound class an element gets, and the values of its parameters. */

import { shiftWord } from '../lang/config-string.ts';
import type { Note } from '../lang/diagnostics.ts';
import type { CompoundType, ElementType, Parameter, Scope } from './scope.ts';

export interface Use {
  readonly inputs: number;
  readonly outputs: number;
  readonly args: readonly string[];
}

export type Choice =
  | { readonly kind: 'primitive'; readonly name: string }
  | { readonly kind: 'body'; readonly body: Scope; readonly values: readonly string[] }
  | { readonly kind: 'none' };

/**
 * The first body whose port counts and parameters fit. If none does, a body whose parameters fit is
 * still chosen, because the port errors that follow say more; with several candidates the mismatch
 * itself is an error too.
 */
export function chooseOverload(
  type: CompoundType,
  use: Use,
  error: (message: string, notes: readonly Note[]) => void,
): Choice {
  let closest: Choice = { kind: 'none' };
  const candidates: Scope[] = [];
  let current: ElementType | undefined = type;
  while (current) {
    if (current.kind === 'primitive') return { kind: 'primitive', name: current.name };
    for (const body of current.overloads) {
      candidates.push(body);
      const values = assignArguments(body.parameters, use.args);
      if (!values) continue;
      const choice: Choice = { kind: 'body', body, values };
      if (body.inputs === use.inputs && body.outputs === use.outputs) return choice;
      closest = choice;
    }
    current = current.extension;
  }
  if (candidates.length !== 1 || closest.kind === 'none') {
    const notes = candidates.map((body) => ({
      message: `candidate: ${bodySignature(body)}`,
      span: body.span,
    }));
    error(`no match for '${useSignature(type.name, use)}'`, notes);
  }
  return closest;
}

/**
 * Values for parameters: positional ones first, all mandatory; keywords after them, mandatory too;
 * `__REST__` takes what is left. Undefined if the arguments do not fit.
 */
export function assignArguments(
  parameters: readonly Parameter[],
  args: readonly string[],
): string[] | undefined {
  if (parameters.every((parameter) => parameter.keyword === undefined))
    return args.length === parameters.length ? [...args] : undefined;
  const rest = parameters.at(-1)!.keyword === '__REST__';
  const named = rest ? parameters.slice(0, -1) : parameters;
  const positional = named.filter((parameter) => parameter.keyword === undefined).length;
  if (args.length < positional) return undefined;
  const values: (string | undefined)[] = args.slice(0, positional);
  const keywords = new Map<string, number>();
  for (const [index, { keyword }] of named.entries()) if (keyword !== undefined) keywords.set(keyword, index);
  const left: string[] = [];
  for (const arg of args.slice(positional)) {
    const [word, value] = shiftWord(arg);
    const index = keywords.get(word);
    if (index !== undefined && values[index] === undefined) values[index] = value;
    else left.push(arg);
  }
  if (left.length > 0 && !rest) return undefined;
  const complete: string[] = [];
  for (let i = 0; i < named.length; i++) {
    const value = values[i];
    if (value === undefined) return undefined;
    complete.push(value);
  }
  return rest ? [...complete, left.join(', ')] : complete;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function useSignature(name: string, use: Use): string {
  const args = use.args.length > 0 ? `${count(use.args.length, 'argument')}, ` : '';
  return `${name || '<anonymous>'}[${args}${count(use.inputs, 'input')}, ${count(use.outputs, 'output')}]`;
}

function bodySignature(body: Scope): string {
  const parameters = body.parameters.map(({ keyword }) =>
    keyword === undefined ? '<arg>' : keyword === '__REST__' ? '...' : keyword,
  );
  const list = parameters.length > 0 ? `(${parameters.join(', ')})` : '';
  return `${body.className}${list}[${count(body.inputs, 'input')}, ${count(body.outputs, 'output')}]`;
}
