import { describe, expect, test } from 'vitest';
import type { ConnectionStatement, ElementNode, Statement } from '../../../src/lang/ast.ts';
import { Diagnostics, formatDiagnostics } from '../../../src/lang/diagnostics.ts';
import { parse } from '../../../src/lang/parse.ts';

function statements(text: string): readonly Statement[] {
  const diagnostics = new Diagnostics();
  const ast = parse(text, 'x.click', diagnostics);
  expect(formatDiagnostics(diagnostics)).toBe('');
  return ast.statements;
}

/** A tree in short: enough to see structure, without positions. */
function brief(statement: Statement): string {
  if (statement.kind === 'connection') return chain(statement);
  if (statement.kind === 'elementclass') return `elementclass ${statement.name.text} ${type(statement.type)}`;
  return `${statement.kind}<${statement.config.text}>`;
}

function chain({ first, links }: ConnectionStatement): string {
  const list = (elements: readonly ElementNode[]) => elements.map(element).join(' , ');
  return [list(first), ...links.map((link) => `${link.arrow} ${list(link.elements)}`)].join(' ').trim();
}

function element(node: ElementNode): string {
  const ports = (list: ElementNode['inputs']) =>
    list ? `[${list.ports.join(' ')}${list.open ? ' ...' : ''}]` : '';
  const { base } = node;
  let text = ports(node.inputs);
  if (base) text += base.kind === 'group' ? `(${base.statements.map(brief).join('; ')})` : type(base);
  if (node.type) text += ` :: ${node.type === 'missing' ? '?' : type(node.type)}`;
  if (node.config) text += `<${node.config.text}>`;
  return text + ports(node.outputs);
}

function type(node: Exclude<ElementNode['type'], 'missing' | undefined>): string {
  if (node.kind === 'name') return node.text;
  const bodies = node.bodies.map(({ formals, statements }) => {
    const list = formals.map(({ keyword, name }) => `${keyword ? `${keyword} ` : ''}$${name}`).join(', ');
    return `${list ? `${list} | ` : ''}${statements.map(brief).join('; ')}`;
  });
  return `{${[...bodies, ...(node.extension ? ['...'] : [])].join(' || ')}}`;
}

const trees = (text: string) => statements(text).map(brief);

describe('statements and connections', () => {
  test.each<[name: string, text: string, expected: string[]]>([
    ['nothing', '', []],
    ['blanks, comments and semicolons', ' ;; // x\n/* y */ ; ', []],
    ['declaration', 'q :: Queue(10);', ['q :: Queue<10>']],
    ['anonymous', 'Idle -> Queue(1, 2) -> Discard', ['Idle -> Queue<1, 2> -> Discard']],
    [
      'no semicolon between statements',
      'a :: A\nb :: B a -> b\nb -> a',
      ['a :: A', 'b :: B', 'a -> b', 'b -> a'],
    ],
    ['inline declaration', 'a -> q :: Queue(3) -> b', ['a -> q :: Queue<3> -> b']],
    ['several names', 'a, b, c :: Idle', ['a , b , c :: Idle']],
    ['lists in connections', 'a, b -> c, d', ['a , b -> c , d']],
    ['trailing comma in a list', 'a, -> b,', ['a -> b']],
    ['ports', 'a [1] -> [2] b[3]->[0]c', ['a[1] -> [2]b[3] -> [0]c']],
    ['port lists', 'a [0,1] => [0, 2-4, 7] b', ['a[0 1] => [0 2 3 4 7]b']],
    ['open port lists', 'a [] => [1,] b', ['a[0 ...] => [1 ...]b']],
    ['hexadecimal and octal ports', 'a [0x10] -> [010] b', ['a[16] -> [8]b']],
    ['arrow at the start', '-> a -> b', ['-> a -> b']],
    ['arrow at the end', 'a ->', ['a ->']],
    ['ports alone', '[1] -> a -> [2]', ['[1] -> a -> [2]']],
    ['slash and at in names', 'a/b/c@2 -> @x :: Y@1', ['a/b/c@2 -> @x :: Y@1']],
    ['names starting with digits', '3com :: Idle', ['3com :: Idle']],
    ['comment after a name, not a slash', 'a//b\n->c', ['a -> c']],
    [
      'names starting with keywords',
      'elementclassy -> required -> define_x',
      ['elementclassy -> required -> define_x'],
    ],
    ['group', 'a => ( -> b ), (c; d -> e) -> f', ['a => (-> b) , (c; d -> e) -> f']],
    ['CRLF', 'a :: A;\r\na -> b // x\r\n-> c\r\n', ['a :: A', 'a -> b -> c']],
    ['lone CR', 'a -> b // x\r-> c', ['a -> b -> c']],
  ])('%s', (_, text, expected) => {
    expect(trees(text)).toEqual(expected);
  });
});

describe('compounds', () => {
  test.each<[name: string, text: string, expected: string[]]>([
    ['elementclass', 'elementclass A { input -> output }', ['elementclass A {input -> output}']],
    ['alias', 'elementclass A B elementclass C D;', ['elementclass A B', 'elementclass C D']],
    [
      'formals',
      'elementclass A { $a, KEY $b, __REST__ $c | x }',
      ['elementclass A {$a, KEY $b, __REST__ $c | x}'],
    ],
    ['trailing comma after formals', 'elementclass A { $a, | x }', ['elementclass A {$a | x}']],
    ['a bar without formals', 'elementclass A { | x }', ['elementclass A {x}']],
    [
      'overloads',
      'elementclass A { $a | x || y || $b, $c | z }',
      ['elementclass A {$a | x || y || $b, $c | z}'],
    ],
    ['extension', 'elementclass A { x || ... }', ['elementclass A {x || ...}']],
    ['inline', 'a -> { -> } -> b', ['a -> {->} -> b']],
    ['named inline', 'x :: { [0] -> [0] } (1)', ['x :: {[0] -> [0]}<1>']],
    [
      'nested',
      'elementclass A { elementclass B { x :: { y } } B }',
      ['elementclass A {elementclass B {x :: {y}}; B}'],
    ],
    ['empty', 'elementclass A { }', ['elementclass A {}']],
    ['identifier first, no formals', '{ a -> b }', ['{a -> b}']],
  ])('%s', (_, text, expected) => {
    expect(trees(text)).toEqual(expected);
  });
});

describe('configuration strings', () => {
  const config = (text: string) => {
    const [statement] = statements(text) as [ConnectionStatement];
    return statement.first[0]!.config!;
  };

  test.each([
    ['parentheses nest', 'A((a), (b (c)))', '(a), (b (c))'],
    ['quotes hide parentheses', 'A("a)", \'b(\')', '"a)", \'b(\''],
    ['escaped quote', 'A("a\\")")', '"a\\")"'],
    ['a backslash before a single quote does nothing', "A('a\\')", "'a\\'"],
    ['comments hide parentheses', 'A(a // :-)\n, b /* ( */)', 'a // :-)\n, b /* ( */'],
    ['hex strings', 'A(\\<00 )(" 01>)', '\\<00 )(" 01>'],
    ['hex strings in quotes', 'A("\\<22>)")', '"\\<22>)"'],
    ['lines', 'A("one\ntwo",\n three)', '"one\ntwo",\n three'],
    ['trailing comma', 'A(a,\n)', 'a,\n'],
    ['non-ASCII', 'A(Grüße, "→")', 'Grüße, "→"'],
    ['variables', 'A($a, $(c (d)))', '$a, $(c (d))'],
    ['hash in the middle', 'A(a # b)', 'a # b'],
    ['hash in a quoted line', 'A("a\n# 1 b")', '"a\n# 1 b"'],
    ['division', 'A(12/0800 1/2)', '12/0800 1/2'],
  ])('%s', (_, text, expected) => {
    expect(config(text).text).toBe(expected);
  });

  test('line directives are cut out, and count', () => {
    const diagnostics = new Diagnostics();
    const text = 'm :: A(\n# 100 "other"\n"test");\nm2 :: A("test2");\n';
    const ast = parse(text, 'x.click', diagnostics);
    const [first, second] = ast.statements as [ConnectionStatement, ConnectionStatement];
    expect(first.first[0]!.config!.text).toBe('\n\n"test"');
    expect(ast.source.locate(second.span.start)).toEqual({ file: 'other', line: 101, column: 1 });
    expect(diagnostics.list).toEqual([]);
  });
});

describe('directives', () => {
  test('require, define, provide', () => {
    expect(trees('require(package "x", library y.click); define($a 1, $b (2)) provide(z)')).toEqual([
      'require<package "x", library y.click>',
      'define<$a 1, $b (2)>',
      'provide<z>',
    ]);
  });
});

describe('line markers', () => {
  test.each([
    ['# 10 "a.click"\nx :: X', 'a.click:10'],
    ['#line 10 "a.click"\nx :: X', 'a.click:10'],
    ['#\tline\t10 "a b\\".click" 3 4\nx :: X', 'a b".click:10'],
    ['# 10\nx :: X', 'x.click:10'],
    ['# 10 "a"\r\nx :: X', 'a:10'],
    ['// c\n# 10 "a"\n\nx :: X', 'a:11'],
    ['/*\n# 10 "a"\n*/x :: X', 'x.click:3'],
  ])('%j', (text, expected) => {
    const [statement] = statements(text);
    const { file, line } = statement!.span.source.locate(statement!.span.start);
    expect(`${file}:${line}`).toBe(expected);
  });
});

describe('positions', () => {
  test('spans end with the last token', () => {
    const text = 'a :: B (c)  // d\n -> { e } [1] ;';
    const [statement] = statements(text) as [ConnectionStatement];
    const slice = ({ start, end }: { start: number; end: number }) => text.slice(start, end);
    expect(slice(statement.span)).toBe('a :: B (c)  // d\n -> { e } [1]');
    expect(slice(statement.first[0]!.span)).toBe('a :: B (c)');
    expect(slice(statement.first[0]!.config!.span)).toBe('c');
    expect(slice(statement.links[0]!.arrowSpan)).toBe('->');
    expect(slice(statement.links[0]!.elements[0]!.base!.span)).toBe('{ e }');
    expect(slice(statement.links[0]!.elements[0]!.outputs!.span)).toBe('[1]');
  });

  test('comments are recorded once', () => {
    const text = 'a // one\n/* two */ -> b(/* three */ c) // four';
    const { commentRanges } = parse(text, 'x', new Diagnostics());
    const comments = [];
    for (let i = 0; i < commentRanges.length; i += 2)
      comments.push(text.slice(commentRanges[i], commentRanges[i + 1]));
    expect(comments).toEqual(['// one', '/* two */', '/* three */', '// four']);
  });
});
