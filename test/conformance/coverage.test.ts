/** Every class, every argument and every handler has a case, or a reason for having none. */

import { describe, expect, it } from 'vitest';
import { classTable } from '../../src/engine/table.ts';
import { findCases } from './case.ts';
import { documented, exercised, type Item } from './coverage.ts';
import { folder } from './run-case.ts';

/** Classes that need what a case cannot have; the file that tests them, or that none does. */
const ELSEWHERE: Record<string, string> = {
  ChatterSocket: 'a client: test/unit/native/traces.test.ts',
  ControlSocket: 'a client: test/cli/click-control.test.ts',
  FromDevice: 'network devices: test/system/router.test.ts',
  FromHost: 'network devices: test/system/host-elements.test.ts',
  FromRawSocket: 'raw sockets: test/system/host-elements.test.ts',
  KernelTap: 'network devices: test/system/host-elements.test.ts',
  KernelTun: 'network devices: test/system/host-elements.test.ts',
  McastSocket: 'a network with multicast: test/system/host-elements.test.ts',
  RawSocket: 'raw sockets: test/unit/native/traces.test.ts',
  ToDevice: 'network devices: test/system/router.test.ts',
  ToHost: 'network devices: test/system/host-elements.test.ts',
  ToRawSocket: 'raw sockets: test/unit/native/traces.test.ts',
  UMLSwitch: "User Mode Linux's switch: test/cli/umlswitch.test.ts",
};

const NO_EFFECT = 'accepted, of no effect';
const BUFFERS = 'sizes and options of sockets that only the host sees';
const SERVER = 'taken from Socket; without an input there is no task';
const CLIENT = 'taken from Socket, of no use to a client';
/** What no case can show. */
const INVISIBLE: Record<Item, string> = {
  'DriverManager read kill': 'sends signals to processes',
  Error: 'keeps the router from starting, which it is for: cases that fail do not count',
  'Error MESSAGE': 'likewise',
  'FromIPSummaryDump ZERO': NO_EFFECT,
  'FromSocket CLIENT': 'always a server',
  'FromSocket HEADROOM': BUFFERS,
  'FromSocket PROPER': NO_EFFECT,
  'FromSocket read home_thread': SERVER,
  'FromSocket read scheduled': SERVER,
  'FromSocket read tickets': SERVER,
  'FromSocket write scheduled': SERVER,
  'FromSocket write tickets': SERVER,
  'IPPrint CHANNEL': NO_EFFECT,
  'KernelHandlerProxy VERBOSE': NO_EFFECT,
  'SetTimestamp DELTA': 'refused with what to use instead: cases that fail do not count',
  'Socket HEADROOM': BUFFERS,
  'Socket NODELAY': BUFFERS,
  'Socket PROPER': NO_EFFECT,
  'Socket RCVBUF': BUFFERS,
  'Socket SNDBUF': BUFFERS,
  'ToIPFlowDumps GZIP': "the bytes are those of the host's gzip",
  'ToIPSummaryDump VERBOSE': 'writes the host and the time',
  'ToSocket ALLOW': CLIENT,
  'ToSocket CLIENT': 'always a client',
  'ToSocket DENY': CLIENT,
  'ToSocket HEADROOM': CLIENT,
  'ToSocket PROPER': NO_EFFECT,
  'ToSocket SNAPLEN': CLIENT,
  'ToSocket TIMESTAMP': CLIENT,
};

const classes = classTable();
const seen = exercised(classes, folder, findCases(folder));
const missing = documented(classes).filter((item) => !seen.has(item) && !ELSEWHERE[item.split(' ')[0]!]);

describe('coverage of the conformance cases', () => {
  it('every class, argument and handler is in a case', () => {
    expect(missing.filter((item) => !INVISIBLE[item])).toEqual([]);
  });
  it('the exceptions are needed', () => {
    expect(Object.keys(INVISIBLE).filter((item) => !missing.includes(item))).toEqual([]);
    expect(Object.keys(ELSEWHERE).filter((name) => !classes.has(name) || seen.has(name))).toEqual([]);
  });
});
