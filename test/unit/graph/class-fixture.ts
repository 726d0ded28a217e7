/** A small element class table for tests, with the codes of the real elements. */

import { ClassTable } from '../../../src/graph/class-table.ts';

const CODES: Record<string, [ports: string, processing: string, flow?: string]> = {
  AddressInfo: ['0/0', 'a/a'],
  ARPQuerier: ['2/1-2', 'h/h', 'xy/x'],
  ARPResponder: ['1/1-2', 'a/ah'],
  Block: ['1/2', 'a/a'],
  CheckIPHeader: ['1/1-2', 'a/ah'],
  CheckLength: ['1/1-2', 'a/ah'],
  Classifier: ['1/-', 'h/h'],
  Counter: ['1/1', 'a/a'],
  DecIPTTL: ['1/1-2', 'a/ah'],
  Discard: ['1/0', 'a/a'],
  EtherEncap: ['1/1', 'a/a'],
  FromDevice: ['0/1-2', 'h/h'],
  FrontDropQueue: ['1/1-2', 'h/lh'],
  Hub: ['-/=', 'h/h', '#/[^#]'],
  Idle: ['-/-', 'a/a', 'x/y'],
  InfiniteSource: ['0/1', 'a/a'],
  IPClassifier: ['1/-', 'h/h'],
  IPRewriter: ['1-/1-', 'h/h'],
  Null: ['1/1', 'a/a'],
  Paint: ['1/1', 'a/a'],
  Print: ['1/1', 'a/a'],
  PullNull: ['1/1', 'l/l'],
  PullTee: ['1/1-', 'l/lh'],
  PushNull: ['1/1', 'h/h'],
  Queue: ['1/1-2', 'h/lh'],
  RatedSource: ['0/1', 'a/a'],
  RoundRobinSched: ['-/1', 'l/l'],
  Script: ['-/-', 'ah/ah'],
  SimplePullSwitch: ['-/1', 'l/l'],
  StaticPullSwitch: ['-/1', 'l/l'],
  StaticSwitch: ['1/-', 'h/h'],
  Strip: ['1/1', 'a/a'],
  StripToNetworkHeader: ['1/1', 'a/a'],
  Switch: ['1/-', 'h/h'],
  Tee: ['1/1-', 'h/h'],
  TimedSink: ['1/0', 'l/l'],
  ToDevice: ['1/0-2', 'l/h'],
  Unqueue: ['1/1', 'l/h'],
  // Codes no element of the table has, for the code parsers.
  EqualPorts: ['1-/=', 'a/a', '#/#'],
  OneMore: ['1-/=+', 'h/h'],
};

export const classes = ClassTable.fromJson({
  version: 1,
  classes: Object.entries(CODES).map(([name, [ports, processing, flow = 'x/x']]) => ({
    name,
    ports,
    processing,
    flow,
  })),
});
