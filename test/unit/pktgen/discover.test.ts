import { describe, expect, it } from 'vitest';
import { compilePlan } from '../../../src/engine/router.ts';
import {
  completeStream,
  foreignDevices,
  hostsOf,
  parseTable,
  portCount,
  responders,
} from '../../../src/pktgen/discover.ts';
import { checkStreams } from '../../../src/pktgen/stream.ts';

const graphOf = (text: string) => compilePlan(text, 'test').graph;

const router = graphOf(`
  elementclass Side { $port, $ip, $mac |
    FromDevice($port) -> c :: Classifier(12/0806 20/0001, -);
    c[0] -> ARPResponder($ip $mac) -> q :: Queue -> ToDevice($port);
    c[1] -> output; input -> q; }
  a :: Side(0, 10.0.0.1, 2:0:0:0:0:1); b :: Side(eth1, 10.0.1.1, 2:0:0:0:0:2);
  a -> b; b -> a;`);

describe('finding the router under test', () => {
  it('counts the numbered ports', () => {
    expect(portCount(router)).toBe(2);
    expect(portCount(graphOf('FromDevice(3) -> Queue -> ToDevice(0);'))).toBe(4);
    expect(portCount(graphOf('Idle -> Discard;'))).toBe(0);
    expect(foreignDevices(graphOf('FromDevice(tap:x) -> Discard;'))).toEqual([
      'FromDevice@1 :: FromDevice(tap:x)',
    ]);
  });

  it('finds the responder nearest to each port', () => {
    const found = responders(router);
    expect([...found.keys()].sort()).toEqual([0, 1]);
    expect(found.get(0)).toMatch(/^a\//);
    expect(found.get(1)).toMatch(/^b\//);
  });

  it('reads the address of a table', () => {
    expect(parseTable('10.0.0.0/24 00-00-00-00-00-09\n10.0.0.1/32 02-00-00-00-00-10\n')).toEqual({
      ip: '10.0.0.1',
      mac: '02:00:00:00:00:10',
    });
    expect(parseTable('')).toBeUndefined();
  });

  it('chooses hosts in the networks of the ports, never the router itself', () => {
    const at = (ip: string) => ({ ip, mac: '02:00:00:00:00:10' });
    expect(hostsOf(0, at('192.0.2.1'))).toBe('192.0.2.101-192.0.2.116');
    expect(hostsOf(0, at('192.0.2.110'))).toBe('192.0.2.201-192.0.2.216');
    expect(hostsOf(1, undefined)).toBe('10.0.1.101-10.0.1.116');
  });

  it('leaves alone what the stream says', () => {
    const [open, given] = checkStreams({
      streams: [{}, { dst: '198.51.100.1', dstMac: '02:00:00:00:00:77' }],
    });
    const addresses = new Map([[0, { ip: '10.9.0.1', mac: '02:00:00:00:00:10' }]]);
    expect(completeStream(open!, addresses)).toMatchObject({
      srcMac: '02:00:00:00:00:01',
      dstMac: '02:00:00:00:00:10',
      src: '10.9.0.101-10.9.0.116',
      dst: '10.0.1.101-10.0.1.116',
    });
    expect(completeStream(given!, addresses)).toMatchObject({
      dst: '198.51.100.1',
      dstMac: '02:00:00:00:00:77',
    });
  });
});
