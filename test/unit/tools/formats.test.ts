/** XML, graphs for drawing programs, archives. */

import { describe, expect, it } from 'vitest';
import { newMember, parseArchive, writeArchive } from '../../../src/cli/tools/archive.ts';
import { toDot } from '../../../src/graph/passes/dot.ts';
import { fromXml } from '../../../src/graph/passes/from-xml.ts';
import { declareAll, Outliner } from '../../../src/graph/passes/outline.ts';
import { toXml } from '../../../src/graph/passes/to-xml.ts';
import { parseXml } from '../../../src/graph/passes/xml.ts';
import { Diagnostics } from '../../../src/lang/diagnostics.ts';
import { parse } from '../../../src/lang/parse.ts';
import { classes, flat, lines } from './helpers.ts';

const scopeOf = (text: string) => {
  const diagnostics = new Diagnostics();
  return declareAll(parse(text, 'f.click', diagnostics), {}, diagnostics).scope;
};

const TEXT = `elementclass Foo { $a |
 input -> Counter -> output }
f :: Foo(3, "a<b");
InfiniteSource -> Queue -> f -> Unqueue -> [0] d :: Discard;
`;

describe('xml', () => {
  it('has compounds, and processing as their bodies make it', () => {
    expect(toXml(scopeOf(TEXT), new Outliner(classes)).split('\n').slice(3)).toEqual([
      '<elementclass classname="Foo" classid="c1" file="f.click" line="1">',
      '  <compound ninputs="1" noutputs="1" nformals="1">',
      '    <formal number="0" name="a" />',
      '    <element name="Counter@1" classname="Counter" file="f.click" line="2" ninputs="1" noutputs="1" processing="h/h" />',
      '    <connection from="input" fromport="0" to="Counter@1" toport="0" processing="h" />',
      '    <connection from="Counter@1" fromport="0" to="output" toport="0" processing="h" />',
      '  </compound>',
      '</elementclass>',
      '<element name="f" classid="c1" file="f.click" line="3" ninputs="1" noutputs="1" processing="l/l" config="3, &quot;a&lt;b&quot;" />',
      '<element name="InfiniteSource@2" classname="InfiniteSource" file="f.click" line="4" ninputs="0" noutputs="1" processing="/h" />',
      '<element name="Queue@3" classname="Queue" file="f.click" line="4" ninputs="1" noutputs="1" processing="h/l" />',
      '<element name="Unqueue@4" classname="Unqueue" file="f.click" line="4" ninputs="1" noutputs="1" processing="l/h" />',
      '<element name="d" classname="Discard" file="f.click" line="4" ninputs="1" noutputs="0" processing="h/" />',
      '<connection from="InfiniteSource@2" fromport="0" to="Queue@3" toport="0" processing="h" />',
      '<connection from="Queue@3" fromport="0" to="f" toport="0" processing="l" />',
      '<connection from="f" fromport="0" to="Unqueue@4" toport="0" processing="l" />',
      '<connection from="Unqueue@4" fromport="0" to="d" toport="0" processing="h" />',
      '</configuration>',
      '',
    ]);
  });

  it('and back: the same flat graph, overloads and anonymous compounds included', () => {
    const text = `elementclass Foo { $a | input -> X($a) -> output || $a, K $b | input -> Y($b) -> output }
      elementclass Foo { input -> Z -> output || ... }
      s :: S -> Foo -> Foo(1) -> Foo(1, K 2) -> { input -> W -> output } -> t :: T;`;
    const { text: back, problems } = fromXml(parseXml(toXml(scopeOf(text), new Outliner(classes))), 'x.xml');
    expect(problems).toEqual([]);
    expect(lines(flat(back))).toEqual(lines(flat(text)));
  });

  it('mistakes have lines', () => {
    expect(() => parseXml('<a>\n<b></a>')).toThrow('mismatched tag');
    const wrong = '<configuration>\n<element name="a" />\n<connection from="a" to="b" />\n</configuration>';
    expect(fromXml(parseXml(wrong), 'x').problems).toEqual([
      { line: 2, message: 'element declared without a class' },
      { line: 3, message: "undeclared element 'b' (first use this block)" },
    ]);
  });
});

it('dot', () => {
  const outline = new Outliner(classes).outline(scopeOf('i :: Idle -> Paint(1) -> Discard; Info'));
  expect(toDot(outline, (e) => e.name)).toBe(`digraph clickrouter {
  node [shape=record,height=.1]
  edge [arrowhead=normal,arrowtail=none,tailclip=false]
  "i" [label="{i|{<o0>}}"];
  "Paint@2" [label="{{<i0>}|Paint@2|{<o0>}}"];
  "Discard@3" [label="{{<i0>}|Discard@3}"];
  "Info@4" [label="Info@4"];
  "i":o0 -> "Paint@2":i0;
  "Paint@2":o0 -> "Discard@3":i0;
}
`);
});

it('archives: short, long and odd members', () => {
  const members = [
    newMember('config', 'Idle;', 0o644),
    newMember('a-name-of-more-than-sixteen-bytes.xml', 'x\n'),
    newMember('empty', ''),
  ];
  expect(parseArchive(writeArchive(members), 'f').map((m) => ({ ...m, data: Buffer.from(m.data) }))).toEqual(
    members.map((m) => ({ ...m, data: Buffer.from(m.data) })),
  );
  expect(() => parseArchive(Buffer.from('!<arch>\nnonsense'.padEnd(80)), 'f')).toThrow(
    'f: bad archive: a damaged header',
  );
});
