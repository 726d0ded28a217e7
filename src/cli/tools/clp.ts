/**
 * Options by the rules of Click's commands: long names may be shortened to any unique prefix, take their value after
 * `=` or as the next word, and are negated by `--no-`; short ones cluster (`-qo-`) and, in the tools, are negated by
 * `+c`. An optional value is only ever attached (`-a2`, `--affinity=2`).
 */

/** What the value of an option must look like; none if undefined. */
export type ValueKind = 'string' | 'int' | 'number';

export interface OptionSpec {
  /** What `Parsed.id` says; several names may share one. */
  readonly id: string;
  readonly long?: string;
  readonly short?: string;
  readonly value?: ValueKind;
  /** The value may be left out. */
  readonly optional?: boolean;
  readonly negatable?: boolean;
}

export interface Parsed {
  /** The option's id; undefined for a plain word, which is in `value`. */
  readonly id: string | undefined;
  readonly value: string | undefined;
  readonly negated: boolean;
  /** The option as it was typed, for messages. */
  readonly shown: string;
}

/** The command line is wrong; the message does not name the command. */
export class OptionError extends Error {}

/** Read a command line. Throws OptionError at the first mistake. */
export function* readOptions(
  words: readonly string[],
  specs: readonly OptionSpec[],
  options: { plusNegates?: boolean } = {},
): Generator<Parsed> {
  let i = 0;
  const word = (value: string): Parsed => ({ id: undefined, value, negated: false, shown: value });
  const take = (spec: OptionSpec, attached: string | undefined, negated: boolean, shown: string): Parsed => {
    let value = attached;
    if (!spec.value || negated) {
      if (attached !== undefined) throw new OptionError(`'${shown}' can't take an argument`);
    } else if (value === undefined && !spec.optional) {
      value = words[i++];
      if (value === undefined) throw new OptionError(`'${shown}' requires an argument`);
    }
    if (value !== undefined) checkValue(spec, value, shown);
    return { id: spec.id, value, negated, shown };
  };
  while (i < words.length) {
    const text = words[i++]!;
    if (text === '--') {
      for (; i < words.length; i++) yield word(words[i]!);
    } else if (text.startsWith('--')) {
      const equals = text.indexOf('=');
      const name = equals < 0 ? text.slice(2) : text.slice(2, equals);
      const { spec, negated } = findLong(name, specs);
      yield take(
        spec,
        equals < 0 ? undefined : text.slice(equals + 1),
        negated,
        `--${negated ? 'no-' : ''}${spec.long}`,
      );
    } else if (text.length > 1 && (text[0] === '-' || (text[0] === '+' && options.plusNegates))) {
      const negated = text[0] === '+';
      for (let at = 1; at < text.length; ) {
        const shown = text[0]! + text[at]!;
        const spec = specs.find((s) => s.short === text[at]);
        if (!spec || (negated && !spec.negatable)) throw new OptionError(`unrecognized option '${shown}'`);
        at++;
        const attached = spec.value && !negated && at < text.length ? text.slice(at) : undefined;
        if (attached !== undefined) at = text.length;
        yield take(spec, attached, negated, shown);
      }
    } else yield word(text);
  }
}

function findLong(name: string, specs: readonly OptionSpec[]): { spec: OptionSpec; negated: boolean } {
  const forms: { text: string; spec: OptionSpec; negated: boolean }[] = [];
  for (const spec of specs) {
    if (spec.long === undefined) continue;
    forms.push({ text: spec.long, spec, negated: false });
    if (spec.negatable) forms.push({ text: `no-${spec.long}`, spec, negated: true });
  }
  const exact = forms.find(({ text }) => text === name);
  if (exact) return exact;
  const found = name === '' ? [] : forms.filter(({ text }) => text.startsWith(name));
  if (found.length === 0) throw new OptionError(`unrecognized option '--${name}'`);
  if (found.some(({ spec, negated }) => spec.id !== found[0]!.spec.id || negated !== found[0]!.negated)) {
    const list = found.map(({ text }) => `'--${text}'`).join(', ');
    throw new OptionError(`option '--${name}' is ambiguous\n(Could be ${list}.)`);
  }
  return found[0]!;
}

function checkValue(spec: OptionSpec, value: string, shown: string): void {
  if (spec.value === 'int' && !/^[-+]?(\d+|0[xX][0-9a-fA-F]+)$/.test(value))
    throw new OptionError(`'${shown}' expects an integer, not '${value}'`);
  if (spec.value === 'number' && (value.trim() === '' || Number.isNaN(Number(value))))
    throw new OptionError(`'${shown}' expects a real number, not '${value}'`);
}
