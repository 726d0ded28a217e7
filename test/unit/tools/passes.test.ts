/** Passes that rewrite a flat graph; what they print was compared with the reference's tools. */

import { describe, expect, it } from 'vitest';
import { align } from '../../../src/graph/passes/align.ts';
import { Alignment } from '../../../src/graph/passes/alignment.ts';
import { combine, parseLink } from '../../../src/graph/passes/combine.ts';
import { uncombine } from '../../../src/graph/passes/uncombine.ts';
import { undead } from '../../../src/graph/passes/undead.ts';
import { readPatterns, xform } from '../../../src/graph/passes/xform.ts';
import { Diagnostics } from '../../../src/lang/diagnostics.ts';
import { classes, flat, lines } from './helpers.ts';

describe('undead', () => {
  const run = (text: string) => {
    const result = undead(flat(text), { classes, diagnostics: new Diagnostics() });
    return result && lines(result);
  };

  it('removes what no packet passes, static switches and lone schedulers', () => {
    expect(
      run(`Idle -> Counter -> td1 :: ToDump(a);
        is :: InfiniteSource -> ss :: StaticSwitch(1); ss[0] -> ToDump(c);
        ss[1] -> q :: Queue -> rr :: RoundRobinSched; Idle -> [1]rr; rr -> td2 :: ToDump(b);`),
    ).toEqual(['is :: InfiniteSource;', 'q :: Queue;', 'td2 :: ToDump(b);', '', 'is -> q', '    -> td2;']);
  });

  it('flow codes are not followed into elements that live on their own terms', () => {
    const text = 'fa::FromDevice(a) -> arpq::ARPQuerier -> td::ToDump; fb::FromDevice(b) -> [1]arpq;';
    expect(run(text)).toEqual(lines(flat(text)));
  });

  it('Null goes, a blank port gets an Idle', () => {
    expect(run('FromDevice(a) -> Null -> ToDump(b); FromDevice(c) -> rr :: Tee; rr[1] -> ToDump(d)')).toEqual(
      [
        'FromDevice@1 :: FromDevice(a);',
        'ToDump@3 :: ToDump(b);',
        'FromDevice@4 :: FromDevice(c);',
        'ToDump@6 :: ToDump(d);',
        '',
        'FromDevice@1 -> ToDump@3;',
        'FromDevice@4 -> ToDump@6;',
      ],
    );
  });

  it('nothing alive', () => {
    expect(run('Idle -> Discard')).toBeUndefined();
  });
});

describe('alignment', () => {
  it('lattice', () => {
    const [a40, a42, a20, a80] = [
      Alignment.of(4, 0),
      Alignment.of(4, 2),
      Alignment.of(2, 0),
      Alignment.of(8, 0),
    ];
    expect(a40.satisfies(a20)).toBe(true);
    expect(a20.satisfies(a40)).toBe(false);
    expect(a40.or(a42).toString()).toBe('2/0');
    expect(a40.and(a42).isBad).toBe(true);
    expect(a80.and(a20).toString()).toBe('8/0');
    expect(Alignment.of(4, 1).and(Alignment.of(5, 3)).toString()).toBe('20/13');
    expect(a42.shift(-14).toString()).toBe('4/0');
    expect(Alignment.universal.satisfies(a40)).toBe(true);
  });

  it('adds Aligns and information', () => {
    const diagnostics = new Diagnostics();
    const result = align(
      flat('src::Whatever -> c::Classifier(12/0800) -> s::Strip(14) -> ch::CheckIPHeader -> d::Discard'),
      {
        classes,
        diagnostics,
      },
    );
    expect(lines(result).slice(5)).toEqual([
      'Align@click_align@6 :: Align(4, 2);',
      'AlignmentInfo@click_align@9 :: AlignmentInfo(c  4 2,',
      '  ch  4 0);',
      '',
      'src -> Align@click_align@6',
      '    -> c',
      '    -> s',
      '    -> ch',
      '    -> d;',
    ]);
    expect(diagnostics.list.map((d) => d.message)).toEqual(['added 1 Align element']);
  });

  it('of two Aligns in a row the first goes, unless it is the stronger', () => {
    const run = (text: string) =>
      lines(align(flat(text), { classes, diagnostics: new Diagnostics() })).join(' ');
    expect(run('x::X -> Align(8, 0) -> Align(4, 2) -> y::Y')).toBe(
      'x :: X; Align@3 :: Align(4, 2); y :: Y;  x -> Align@3     -> y;',
    );
    expect(run('x::X -> a1::Align(8, 2) -> a2::Align(4, 2) -> y::Y')).toBe(
      'x :: X; a1 :: Align(8, 2); y :: Y;  x -> a1     -> y;',
    );
  });

  it('assertions', () => {
    const options = { classes, diagnostics: new Diagnostics(), assertions: true };
    expect(lines(align(flat('a::FromDevice(x) -> ch::CheckIPHeader(14) -> Discard'), options))).toContain(
      'CheckAlign@click_align@4 :: CheckAlign(4, 2, ASSERT true);',
    );
  });
});

describe('xform', () => {
  const PATTERNS = `
    elementclass In { input -> Paint($p) -> Strip(14) -> c :: CheckIPHeader($bad) -> output; }
    elementclass In_Replacement { input -> c :: InCombo($p, $bad) -> output; }`;
  const run = (text: string, patterns = PATTERNS) => {
    const diagnostics = new Diagnostics();
    const result = xform(flat(text), readPatterns(patterns, 'PAT', diagnostics));
    expect(diagnostics.hasErrors).toBe(false);
    return result;
  };

  it('replaces what matches, with its arguments, and keeps names', () => {
    const { graph, count } = run(
      'f::F -> Paint(1) -> Strip(14) -> ch::CheckIPHeader(1.2.3.4) -> g::G; h::H -> Paint(2) -> Strip(10) -> CheckIPHeader -> g',
    );
    expect(count).toBe(1);
    expect(lines(graph)).toEqual([
      'f :: F;',
      'g :: G;',
      'h :: H;',
      'Paint@7 :: Paint(2);',
      'Strip@8 :: Strip(10);',
      'CheckIPHeader@9 :: CheckIPHeader;',
      'ch :: InCombo(1, 1.2.3.4);',
      '',
      'h -> Paint@7',
      '    -> Strip@8',
      '    -> CheckIPHeader@9',
      '    -> g;',
      'f -> ch',
      '    -> g;',
    ]);
  });

  it('no match where a connection leaves the pattern, or a variable would have two values', () => {
    expect(run('F -> p::Paint(1) -> Strip(14) -> CheckIPHeader(x) -> G; p[1] -> D').count).toBe(0);
    const twice =
      'elementclass A { input -> B($x) -> B($x) -> output } elementclass A_Replacement { input -> C($x) -> output }';
    expect(run('F -> B(1) -> B(2) -> G', twice).count).toBe(0);
    expect(run('F -> B(1) -> B(1) -> G', twice).count).toBe(1);
  });
});

describe('combine', () => {
  it('links devices, and uncombine takes the link apart', () => {
    const problems: string[] = [];
    const say = { error: (m: string) => problems.push(m), warning: (m: string) => problems.push(m) };
    const components = [
      { name: 'A', graph: flat('x::ThisIsA -> y::ToDevice(eth1)') },
      { name: 'B', graph: flat('x::FromDevice(eth0) -> y::ThisIsB') },
    ];
    const link = parseLink('A.eth1=B.eth0', components, say)!;
    const combined = combine(components, [link], say)!;
    expect(lines(combined)).toEqual([
      'A/x :: ThisIsA;',
      'B/y :: ThisIsB;',
      'link1 :: RouterLink(A y ToDevice, eth1, B x FromDevice, eth0);',
      '',
      'A/x -> link1',
      '    -> B/y;',
    ]);
    expect(lines(uncombine(combined, 'A', say.error))).toEqual([
      'x :: ThisIsA;',
      'y :: ToDevice(eth1);',
      '',
      'x -> y;',
    ]);
    expect(lines(uncombine(combined, 'B', say.error))).toEqual([
      'y :: ThisIsB;',
      'x :: FromDevice(eth0);',
      '',
      'x -> y;',
    ]);
    expect(problems).toEqual([]);
    expect(parseLink('A.eth9=C.eth0', components, say)).toBeUndefined();
    expect(parseLink('nonsense', components, say)).toBeUndefined();
    expect(problems).toEqual([
      "router 'A' has no element or device named 'eth9'",
      "no router named 'C'",
      "bad link definition 'nonsense'",
    ]);
  });
});
