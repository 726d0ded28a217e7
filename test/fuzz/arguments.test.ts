/**
 * Arguments can do nothing to an element but be refused: every class is configured with what its table says is wrong
 * (located errors are expected) and with what happens to be wrong or not (nothing is expected but an answer), in an engine
 * built with sanitizers. What is accepted is initialised too, and its read handlers are read.
 * CLICKLET_FUZZ_SEED and CLICKLET_FUZZ_ARGUMENTS (random mistakes for each argument) choose others, or more.
 */

import { beforeAll, describe, expect, it } from 'vitest';
import { compilePlan } from '../../src/engine/router.ts';
import { classTable } from '../../src/engine/table.ts';
import type { ClassArg, ElementClass } from '../../src/graph/class-table.ts';
import type { ResolvedElement } from '../../src/graph/resolved-graph.ts';
import { given } from '../conformance/coverage.ts';
import { type Example, exampleOf, HOST_ONLY, sinks } from './examples.ts';
import { Random } from './random.ts';
import { buildSanitized, runSanitized } from './sanitized.ts';

const SEED = Number(process.env.CLICKLET_FUZZ_SEED ?? 1);
const MISTAKES = Number(process.env.CLICKLET_FUZZ_ARGUMENTS ?? 1);

/** One way to write the element's arguments; `wrong` names the argument that must be refused. */
interface Variant {
  readonly args: readonly string[];
  readonly wrong?: string;
}

/** Types whose values are not any text. */
const STRICT =
  /^(bool|[iu](8|16|32|64)|f64|ip|ip-prefix|ip-or-prefix|ip6|ip6-prefix|ether|annotation|interval|timestamp|bandwidth|port|ip-protocol|element|choice)$/;

const NUMBERS =
  '-9223372036854775808 -2147483649 -2147483648 -1 -0 0 1 2 3 7 8 47 48 63 64 127 128 255 256 1500 65535 65536 2147483647 2147483648 4294967295 4294967296 18446744073709551615 18446744073709551616 0x 0xffffffff 1e400 nan inf 0.5 1e-300 99999999999999999999999'.split(
    ' ',
  );
const TEXTS = [
  ...'true false - . / : # @ % * ? x.y x 1-2-3 0-4294967295 1.2.3.4 1.2.3.4/0 1.2.3.4/33 255.255.255.255/255.0.255.0 :: ::1/128 ::/200 1::2::3 ff:ff:ff:ff:ff:ff 0:0 10ms 1e30Gbps -1s 8kbps PAINT 47/2 %s%n%d $x ../../.. \\xff\\xfe'.split(
    ' ',
  ),
  '""',
  '"\\<00ff00>"',
  '"a\\"b"',
  'x y z',
  '1 2 3 4 5 6 7 8 9',
  `"${'a'.repeat(5000)}"`,
  '9'.repeat(400),
];

/** With this value for that argument. */
function withValue(c: ElementClass, e: ResolvedElement, arg: ClassArg, value: string): string[] {
  const args = e.args.map((a) => a.text);
  const there = [...given(c, e)].find((a) => a.key === arg.key);
  if (there && args[there.index] === there.text) args[there.index] = value;
  else if (there) args[there.index] = `${arg.key} ${value}`;
  else args.push(`${arg.key} ${value}`);
  return args;
}

/** What an element's table says must be refused. */
function* wrong(c: ElementClass, e: ResolvedElement): Generator<Variant> {
  const args = e.args.map((a) => a.text);
  const taken = new Set([...given(c, e)].map((a) => a.key));
  const noRoom = !c.args.some((a) => a.positional && (a.type === 'rest' || !taken.has(a.key)));
  if (noRoom) yield { args: [...args, 'NO_SUCH_ARGUMENT 1'], wrong: 'NO_SUCH_ARGUMENT' };
  for (const a of c.args.filter((a) => a.type !== 'rest')) {
    if (STRICT.test(a.type)) yield { args: withValue(c, e, a, '@wrong@'), wrong: a.key };
    if (typeof a.min === 'number' && typeof a.max === 'number' && /^[iu]\d+$/.test(a.type)) {
      yield { args: withValue(c, e, a, `${a.min - 1}`), wrong: a.key };
      yield { args: withValue(c, e, a, `${a.max + 1}`), wrong: a.key };
    }
    const there = [...given(c, e)].find((b) => b.key === a.key);
    if (a.mandatory && there?.index === args.length - 1) yield { args: args.slice(0, -1), wrong: a.key };
  }
}

/** What is likely to be wrong. */
function* random(c: ElementClass, e: ResolvedElement, r: Random): Generator<Variant> {
  const args = e.args.map((a) => a.text);
  const value = () => (r.chance(0.5) ? r.pick(NUMBERS) : r.pick(TEXTS));
  for (const a of c.args.filter((a) => a.type !== 'rest'))
    for (let k = 0; k < MISTAKES; k++) yield { args: withValue(c, e, a, value()) };
  // Words of the whole, for languages such as IPFilter's.
  const words = args.join(' , ').split(/(\s+)/);
  for (let k = 0; k < 4 * MISTAKES; k++) {
    const w = [...words];
    for (let n = r.between(1, 3); n > 0; n--) {
      const at = r.below(w.length);
      const how = r.below(4);
      if (how === 0) w.splice(at, 1);
      else if (how === 1) w.splice(at, 0, value());
      else if (how === 2) w[at] = value();
      else w.splice(at, 0, ...w.slice(r.below(w.length)));
    }
    yield {
      args: w
        .join('')
        .split(',')
        .map((s) => s.trim()),
    };
  }
}

/** The example, and the element once for each variant. */
function harness({ text, element: e }: Example, variants: readonly Variant[]): string {
  const lines = [text, ';'];
  for (const [k, v] of variants.entries()) {
    lines.push(`fuzz${k} :: ${e.className}(${v.args.join(', ')});`);
    lines.push(...[...e.inputs.keys()].map((i) => `Idle -> [${i}] fuzz${k};`), ...sinks(e, `fuzz${k}`));
  }
  return lines.join('\n');
}

/** Variants that are not even configurations are the front end's. */
function isConfiguration(example: Example, v: Variant): boolean {
  try {
    compilePlan(harness(example, [v]), 'fuzz.click');
    return true;
  } catch {
    return false;
  }
}

const QUIET = /^(Error)$/;
const classes = [...classTable()].filter((c) => c.argsChecked && !c.aliasOf && !QUIET.test(c.name));

beforeAll(() => buildSanitized(), 900_000);

describe('every class with wrong arguments, with sanitizers', () => {
  for (const c of classes)
    it(c.name, () => {
      const example = exampleOf(c);
      const r = new Random(SEED + c.name.length);
      const variants = [...wrong(c, example.element), ...random(c, example.element, r)].filter((v) =>
        isConfiguration(example, v),
      );
      const { graph, plan } = compilePlan(harness(example, variants), 'fuzz.click');
      const check = runSanitized(plan, [], { options: ['--check'], mayRefuse: true });
      const names = graph.elements.map((e) => e.name);
      const refused = new Map<string, string>();
      for (const [, index, arg, message] of check.stderr.matchAll(
        /^error: element (-?\d+), argument (-?\d+): (.*)$/gm,
      )) {
        const name = names[Number(index)] ?? '';
        refused.set(name, `${refused.get(name) ?? ''}${arg}: ${message}\n`);
      }
      expect(check.fault, [...refused.keys()].length ? '' : harness(example, variants)).toBeUndefined();
      for (const [k, v] of variants.entries())
        if (v.wrong)
          expect(refused.get(`fuzz${k}`) ?? '(accepted)', `${c.name}(${v.args.join(', ')})`).toContain(
            v.wrong,
          );
      if (HOST_ONLY.test(c.file)) return;
      const accepted = variants.filter((_, k) => !refused.has(`fuzz${k}`));
      const handlers = c.handlers.filter((h) => h.read && !h.param).map((h) => h.name);
      const initialise = (some: readonly Variant[]): string | undefined => {
        const text = harness(example, some);
        const reads = some.flatMap((_, k) => handlers.map((h) => `fuzz${k}.${h}`));
        const run = runSanitized(compilePlan(text, 'fuzz.click').plan, reads, {
          options: ['--quit', '--simtime'],
          mayRefuse: true,
        });
        if (!run.fault && !/^error: element/m.test(run.stderr)) return undefined;
        if (some.length < 2) return run.fault && `${text}\n${run.fault}`;
        // One that cannot be initialised hides the rest.
        const half = some.length >> 1;
        return initialise(some.slice(0, half)) ?? initialise(some.slice(half));
      };
      expect(initialise(accepted)).toBeUndefined();
    }, 300_000);
});
