import { describe, expect, test } from 'vitest';
import { type ElaborateOptions, elaborate } from '../../../src/elaborate/index.ts';
import { Diagnostics } from '../../../src/lang/diagnostics.ts';
import { parse } from '../../../src/lang/parse.ts';
import { classes } from '../graph/class-fixture.ts';

function report(text: string, options: ElaborateOptions = { classes }): string[] {
  const diagnostics = new Diagnostics();
  elaborate(parse(text, 'x', diagnostics), options, diagnostics);
  return diagnostics.list.flatMap(({ severity, message, span, notes }) => {
    const place = (at: typeof span) => {
      const { line, column } = at!.source.locate(at!.start);
      return `${line}:${column}`;
    };
    const prefix = severity === 'error' ? '' : `${severity}: `;
    return [
      `${place(span)} ${prefix}${message}`,
      ...notes.map((note) => `  ${place(note.span)} ${note.message}`),
    ];
  });
}

describe('names', () => {
  test.each<[text: string, expected: string[]]>([
    ['a -> Discard', ["1:1 undeclared element 'a'"]],
    ['q :: Queue;\nIdle -> qq -> Discard', ["2:9 undeclared element 'qq'"]],
    ['source :: Idle;\nsuorce -> Discard', ["2:1 undeclared element 'suorce' (did you mean 'source'?)"]],
    [
      'input -> Discard',
      ["1:1 undeclared element 'input'", "  1:1 'input' exists inside compound elements and groups only"],
    ],
    [
      'Idle -> B -> Discard; x :: B; elementclass B { -> }',
      [
        "1:28 unknown element class 'B'",
        '  1:48 this class is declared only here, after its first use',
        "1:9 undeclared element 'B'",
        '  1:48 this class is declared only here, after its first use',
      ],
    ],
    ['Idle -> Discrad', ["1:9 undeclared element 'Discrad' (did you mean 'Discard'?)"]],
    ['Idle -> Discrad()', ["1:9 unknown element class 'Discrad' (did you mean 'Discard'?)"]],
    [
      'x :: ToHostSniffers',
      [
        "1:6 unknown element class 'ToHostSniffers' (Click has it in the kernel only; here use ToDump or KernelTap)",
      ],
    ],
    ['x :: Discrad', ["1:6 unknown element class 'Discrad' (did you mean 'Discard'?)"]],
    ['a :: Foo; b :: Foo; Foo() -> Foo()', ["1:6 unknown element class 'Foo'"]],
    ['elementclass A { x :: Foo }', ["1:23 unknown element class 'Foo'"]],
    ['elementclass A Foo; x :: A; y :: A', ["1:16 unknown element class 'Foo'"]],
    ['a -> a; b -> a', ["1:1 undeclared element 'a'", "1:9 undeclared element 'b'"]],
    [
      'Idle -> late;\nlate :: Discard',
      ["1:9 undeclared element 'late'", '  2:1 declared only here, after its first use'],
    ],
    ['a :: Idle;\na :: Queue;', ["2:1 redeclaration of element 'a'", '  1:1 first declared here']],
    [
      'a :: Idle; a(1) -> Discard',
      ["1:14 configuration string ignored on element reference 'a'", '  1:1 first declared here'],
    ],
    ['Queue :: Idle', ["1:1 class 'Queue' used as element name"]],
    ['elementclass A { }\nA :: Idle', ["2:1 class 'A' used as element name"]],
    ['a :: Idle; elementclass a Queue', ["1:25 'a' already used as an element name", '  1:1 declared here']],
    [
      'a :: Idle; b :: a',
      [
        "1:17 'a' was previously used as an element name",
        '  1:1 declared here',
        "1:17 unknown element class 'a'",
      ],
    ],
    [
      '1 :: Idle; a/2/b :: Idle; 3com :: Idle',
      ["1:1 element name '1' has all-digit component", "1:12 element name 'a/2/b' has all-digit component"],
    ],
    ['a :: { b :: Idle }; a/b :: Idle', ["1:8 redeclaration of element 'a/b'", '  1:21 first declared here']],
    ['elementclass A { x } A', ["1:18 undeclared element 'x'"]],
    ['provide(x)', ["1:1 syntax error near 'provide': a reserved word without a meaning"]],
  ])('%j', (text, expected) => {
    expect(report(text)).toEqual(expected);
  });

  test('without a class table, any name may be a class', () => {
    expect(report('a -> B(1); c :: D', {})).toEqual([]);
    expect(report('elementclass Foo { A -> B; } A :: Idle', {})).toEqual([
      "1:30 class 'A' used as element name",
    ]);
    expect(report('A :: A', {})).toEqual(["1:1 class 'A' used as element name"]);
  });
});

describe('connections', () => {
  test.each<[text: string, expected: string[]]>([
    ['-> Discard', ["1:1 syntax error near '->'"]],
    ['Idle ->', ["1:6 syntax error: expected element after '->'"]],
    ['Idle -> -> Discard', ["1:6 syntax error: expected element after '->'"]],
    ['[1] -> Discard', ['1:1 stranded port ignored']],
    ['elementclass A { -> -> Null }', ['1:18 implicit ports used in the middle of a chain']],
    ['elementclass A { Idle -> [1] -> Discard }', ['1:26 implicit ports used in the middle of a chain']],
    ['a :: Idle; [1] a -> Discard', ['1:12 input ports ignored at start of chain']],
    ['a :: Idle; Idle -> a [2]', ['1:22 output ports ignored at end of chain']],
    ['a :: Idle [1]', ['1:11 output ports ignored at end of chain']],
    ['a :: Idle; Idle [0,1] => [0-2] a', ['1:23 connection mismatch: 2 outputs connected to 3 inputs']],
    ['a :: Idle; Idle [0,1] -> [0,1] a', ["1:23 syntax error: many-to-many connections require '=>'"]],
    ['a :: Idle; Idle [] => [] a', ['1:20 at most one expandable port allowed per connection']],
    [
      'a :: Idle; Idle [0,1,2,] => [0,1] a',
      ['1:26 connection mismatch: 3 or more outputs connected to 2 inputs'],
    ],
    [
      'elementclass A { Null -> output } elementclass B { input -> Null; -> Null }',
      ["1:67 warning: suggest 'input ->' or '[0] ->' to start connection"],
    ],
    [
      '(-> Null -> )',
      [
        '1:1 input ports ignored at start of chain',
        '1:1 output ports ignored at end of chain',
        "1:1 '@1' output 0 unused",
        '  1:10 connected here',
        "1:1 '@1' input 0 unused",
        '  1:2 connected here',
      ],
    ],
    ['g :: (Idle)', ['1:3 missing element type in declaration']],
    ['(Idle)(x)', ['1:1 an element group takes neither a class nor a configuration']],
  ])('%j', (text, expected) => {
    expect(report(text)).toEqual(expected);
  });
});

describe('compounds', () => {
  test.each<[text: string, expected: string[]]>([
    ['elementclass A { $a, $a | }', ["1:22 parameter '$a' multiply defined"]],
    ['elementclass A { K $a, K $b | }', ["1:24 repeated keyword parameter 'K' in compound element"]],
    [
      'elementclass A { K $a, $b, $c | }',
      [
        '1:24 compound element parameters out of order: the correct order is [positional], [keywords], [__REST__]',
      ],
    ],
    ['elementclass A { Null -> input }', ["1:23 'A' pseudoelement 'input' may only be used as output"]],
    ['elementclass A { output -> Null }', ["1:25 'A' pseudoelement 'output' may only be used as input"]],
    ['elementclass A { input [1] -> Null }', ["1:18 'A' input 0 missing"]],
    ['elementclass A { Null -> [2] output }', ["1:18 'A' output 0 missing", "1:18 'A' output 1 missing"]],
    [
      't :: Tee; Idle -> t => ( [1] -> Discard )',
      ["1:24 '<anonymous group>' input 0 missing", "1:24 '@3' has no input 0", '  1:21 connected here'],
    ],
    [
      'elementclass A { $x | Idle }\nA',
      ["2:1 no match for 'A[0 inputs, 0 outputs]'", '  1:18 candidate: A(<arg>)[0 inputs, 0 outputs]'],
    ],
    [
      'elementclass A { $x, K $k | Idle || __REST__ $r | -> Null -> }\nA(1, 2) -> Discard',
      [
        "2:1 no match for 'A[2 arguments, 0 inputs, 1 output]'",
        '  1:18 candidate: A(<arg>, K)[0 inputs, 0 outputs]',
        '  1:37 candidate: A(...)[1 input, 1 output]',
        "2:1 'A@1' input 0 unused",
        '  1:51 connected here',
      ],
    ],
    [
      'elementclass A { input -> Discard }\nIdle -> a :: A; Idle -> [1] a; a -> Discard',
      ["2:9 'a' has no input 1", '  2:22 connected here', "2:9 'a' has no output 0", '  2:34 connected here'],
    ],
    [
      'elementclass A { input -> Null -> output }\na :: A',
      ["2:1 'a' output 0 unused", '  1:32 connected here', "2:1 'a' input 0 unused", '  1:24 connected here'],
    ],
    [
      'x :: { a || ... }',
      ['1:13 cannot extend anonymous compound element class', "1:8 undeclared element 'a'"],
    ],
    ['elementclass New { Idle || ... }', ["1:28 cannot extend unknown element class 'New'"]],
  ])('%j', (text, expected) => {
    expect(report(text)).toEqual(expected);
  });
});

describe('directives', () => {
  test.each<[text: string, expected: string[]]>([
    ['define(a 1)', ["1:8 bad 'define' declaration: not a variable"]],
    ['define($a 1, $a 2)', ["1:14 parameter '$a' multiply defined"]],
    ['elementclass A { $x | define($x 1) }', ["1:30 parameter '$x' multiply defined"]],
    ['require(foo bar)', ["1:9 syntax error at requirement 'foo bar'"]],
    [
      'require(package, compact_config x)',
      ["1:9 syntax error at requirement 'package'", "1:18 syntax error at requirement 'compact_config x'"],
    ],
    ['require(library none.click)', ["1:9 library 'none.click' not found"]],
    ['elementclass A { require(library x) }', ["1:26 'require(library)' must be used at file scope"]],
  ])('%j', (text, expected) => {
    expect(report(text)).toEqual(expected);
  });
});

describe('limits', () => {
  const doubling = (levels: number) => {
    const lines = ['elementclass A0 { -> Null -> }'];
    for (let i = 1; i <= levels; i++) lines.push(`elementclass A${i} { -> A${i - 1} -> A${i - 1} -> }`);
    return `${lines.join('\n')}\nIdle -> A${levels} -> Discard`;
  };

  test('exponential compounds', () => {
    expect(report(doubling(6))).toEqual([]);
    const [error] = report(doubling(40), { classes, maxElements: 10_000 });
    expect(error).toMatch(/configuration expands beyond 10000 elements$/);
  });

  test('very deep compounds', () => {
    const lines = ['elementclass A0 { -> Null -> }'];
    for (let i = 1; i <= 1000; i++) lines.push(`elementclass A${i} { -> A${i - 1} -> }`);
    const [error] = report(`${lines.join('\n')}\nIdle -> A1000 -> Discard`);
    expect(error).toMatch(/configuration expands beyond 200 levels$/);
  });

  test('exponential variables', () => {
    const definitions = ['$a0 xxxxxxxxxx'];
    for (let i = 1; i < 12; i++) definitions.push(`$a${i} ${`$a${i - 1}`.repeat(10)}`);
    expect(report(`define(${definitions.join(', ')}) Idle -> Print($a9) -> Discard`)[0]).toMatch(
      /the text a variable may hold/,
    );
  });

  test('a variable that refers to itself stays finite', () => {
    expect(report('define($a "x$a") Idle -> Print($a) -> Discard')).toEqual([]);
  });

  test('a hundred thousand elements', () => {
    const chain = Array.from({ length: 100_000 }, (_, i) => `c${i} :: Counter`).join('\n-> ');
    expect(report(`Idle -> ${chain} -> Discard`)).toEqual([]);
  });
});
