import { describe, expect, it } from 'vitest';
import { compilePlan } from '../../../src/engine/router.ts';
import { generatorGraph, loopGraph } from '../../../src/pktgen/graph.ts';
import {
  checkStreams,
  parseRate,
  StreamError,
  sourceElement,
  totalRate,
} from '../../../src/pktgen/stream.ts';

describe('rates', () => {
  it.each([
    ['max', 0],
    ['0', 0],
    ['1000000', 1e6],
    ['5M', 5e6],
    ['1.5M', 1.5e6],
    ['250k', 250_000],
    ['2Mpps', 2e6],
    ['1G', 1e9],
    ['1e6', 1e6],
  ])('%s is %d packets a second', (text, pps) => expect(parseRate(text)).toBe(pps));
  it.each(['', 'fast', '-1', '5 m', '1,000'])('%s is none', (text) => expect(parseRate(text)).toBeNaN());
});

describe('streams', () => {
  it('fills in defaults', () => {
    const [s] = checkStreams({ streams: [{}] });
    expect(s).toEqual({
      from: 0,
      to: 1,
      layers: ['ether', 'ipv4', 'udp'].map((name) => ({ name, values: {} })),
      size: '64',
      rate: 0,
      load: { unit: 'pps', value: 0 },
      weight: 1,
      pace: 'constant',
      burst: 1,
      checksum: true,
      track: true,
      seed: 1,
      sample: 1,
    });
  });

  it('is as small as the addresses allow', () => {
    expect(checkStreams({ streams: [{ dst: 'fd00::1' }] })[0]!.size).toBe('84');
    expect(checkStreams({ streams: [{ dst: 'fd00::1', size: 128 }] })[0]!.size).toBe('128');
  });

  it('accepts sizes and ports as numbers, lists and text', () => {
    const sizes = checkStreams({
      streams: [{ size: 128 }, { size: [64, 512] }, { size: 'imix' }, { size: '64*7 594*4' }],
    }).map((s) => s.size);
    expect(sizes).toEqual(['128', '64 512', 'imix', '64*7 594*4']);
    expect(checkStreams({ streams: [{ srcPort: 5, dstPort: '1-9 random' }] })[0]).toMatchObject({
      srcPort: '5',
      dstPort: '1-9 random',
    });
  });

  it('reports every mistake with its place', () => {
    let message = '';
    try {
      checkStreams(
        {
          streams: [
            { src: '10.0.0.300', rate: 'fast' },
            { size: 'big', colour: 1 },
          ],
        },
        'my.yaml',
      );
    } catch (e) {
      expect(e).toBeInstanceOf(StreamError);
      message = (e as Error).message;
    }
    const lines = message.split('\n');
    expect(lines.every((l) => l.startsWith('my.yaml: streams['))).toBe(true);
    expect(lines.filter((l) => l.includes('streams[0].src: expected ADDR'))).toHaveLength(1);
    expect(lines.filter((l) => l.includes('streams[0].rate: expected packets a second'))).toHaveLength(1);
    expect(lines.filter((l) => l.includes('streams[1].size: expected frame sizes'))).toHaveLength(1);
    expect(lines.filter((l) => l.includes("streams[1].colour: unknown key 'colour'"))).toHaveLength(1);
  });

  it.each([
    ['10.0.0.1', true],
    ['10.0.0.1-10.0.0.9', true],
    ['10.0.0.0/24 random', true],
    ['fd00::1-fd00::9', true],
    ['fd00::/64', true],
    ['10.0.0.1-fd00::1', false],
    ['10.0.0.0/33', false],
    ['10.0.0.1 sometimes', false],
    ['); Idle -> Discard', false],
  ])('%s as an address: %s', (src, ok) => {
    const check = () => checkStreams({ streams: [{ src }] });
    if (ok) expect(check()[0]!.src).toBe(src);
    else expect(check).toThrow(StreamError);
  });
});

describe('the generator graph', () => {
  it('writes one source element with everything the stream says', () => {
    const [s] = checkStreams({
      streams: [{ src: '10.0.0.2', dst: '10.0.1.0/24', rate: '2M', size: 'imix', burst: 4, pace: 'poisson' }],
    });
    expect(sourceElement('s', 3, s!)).toBe(
      's :: PktgenSource(STREAM 3, SIZE imix, ' +
        'FRAME 0200000001010200000000010800450000000000400040110000' +
        '0a000002000000000400000900000000, ' +
        'FIELDS "30/4/0/inc/167772417/254/1/1", LENGTHS "16/14 38/34", CHECKSUMS "40/34/0/26/34/17 24/14/34", ' +
        'TRACK true, SAMPLE 1, RATE 2000000, PACE poisson, BURST 4, SEED 1, ACTIVE false);',
    );
  });

  it('compiles, for one stream, both directions and several streams on a port', () => {
    for (const streams of [
      [{}],
      [{}, { from: 1, to: 0 }],
      [{}, { dstPort: 1 }, { dstPort: 2 }, { from: 2 }],
    ]) {
      const g = generatorGraph(3, checkStreams({ streams }));
      const { graph } = compilePlan(g.text, 'generator');
      for (const name of [...g.sources, ...g.sinks])
        expect(
          graph.elements.some((e) => e.name === name),
          name,
        ).toBe(true);
    }
    expect(compilePlan(loopGraph('x', checkStreams({ streams: [{}] })[0]!).text, 'loop').warnings).toEqual(
      [],
    );
  });
});

describe('a rate of all streams together', () => {
  const bits = (value: number, layer: 1 | 2) => ({ unit: 'bits' as const, value, layer });
  const streams = checkStreams({ streams: [{ size: 64 }, { size: 1518, weight: 3 }] });

  it('in bits is spread over frames as their weights say', () => {
    // A quarter of the packets has 84 bytes on the wire, the others 1538.
    expect(totalRate(bits(1e9, 1), streams, undefined)).toBeCloseTo(1e9 / 8 / (0.25 * 84 + 0.75 * 1538));
    expect(totalRate(bits(1e9, 2), streams, undefined)).toBeCloseTo(1e9 / 8 / (0.25 * 64 + 0.75 * 1518));
  });

  it('counts with the size that is measured, and with packets as they are', () => {
    expect(totalRate(bits(1e9, 1), streams, '64')).toBeCloseTo(1e9 / 8 / 84);
    expect(totalRate(5000, streams, '64')).toBe(5000);
    expect(totalRate({ unit: 'pps', value: 0 }, streams, undefined)).toBe(0);
  });
});
