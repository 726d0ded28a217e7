/**
 * Conformance cases in a guest: the same configuration, booted by the KVM monitor, must print the same and answer the same
 * to its handlers. What a guest cannot do (files, elements that are not for it) is counted and said.
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compileText, printHandlers } from '../../src/cli/run-router.ts';
import { Channel, ChannelError } from '../../src/control/channel.ts';
import type { NativeMessage } from '../../src/engine/native.ts';
import {
  type Configuration,
  ConfigurationError,
  HandlerError,
  locateMessages,
} from '../../src/engine/router.ts';
import { formatDiagnostics } from '../../src/lang/diagnostics.ts';
import { image, monitor, whyNoGuest } from '../guest/kvm.ts';
import { type ConformanceCase, findCases, parseCase } from './case.ts';
import { folder } from './run-case.ts';

const dir = mkdtempSync(join(tmpdir(), 'clicklet-guest-cases-'));
afterAll(() => rmSync(dir, { recursive: true }));

// ---- What can run there

/** Cases whose text does not tell that a guest cannot run them. */
const NOT_IN_GUESTS: Record<string, string> = {
  'ip/ipprint-outfile.case': 'needs files',
  'script/unknown-call.case': 'prints to both streams within a line',
  'userlevel/signal.case': 'signals of a process',
};

interface GuestCase {
  readonly name: string;
  readonly expected: ConformanceCase;
  readonly configuration: Configuration;
  readonly modes: readonly string[];
  readonly handlers: readonly string[];
  readonly warnings: boolean;
}

/** A case as a guest runs it, or why none can. */
function guestCase(path: string): GuestCase | string {
  const expected = parseCase(path);
  const name = relative(folder, path);
  if (NOT_IN_GUESTS[name]) return NOT_IN_GUESTS[name];
  if (expected.files.size || expected.outs.size) return 'needs files';
  const modes: string[] = [];
  const handlers: string[] = [];
  let warnings = true;
  for (let i = 0; i < expected.args.length; i++) {
    const arg = expected.args[i]!;
    if (arg === '--simtime') modes.push('simulated');
    else if (arg === '-q') modes.push('quit');
    else if (arg === '-w') warnings = false;
    else if (arg === '-h') handlers.push(expected.args[++i]!);
    else return 'options of the process';
  }
  const config = { text: expected.config, file: 'config.click' };
  try {
    compileText(config, {});
  } catch (e) {
    if (!(e instanceof ConfigurationError)) throw e;
    return 'refused by the front end, before any engine';
  }
  try {
    const configuration = compileText(config, {}, 'guest');
    if (!configuration.graph.elements.length) return 'no elements';
    return { name, expected, configuration, modes, handlers, warnings };
  } catch (e) {
    if (!(e instanceof ConfigurationError)) throw e;
    return 'elements that are not for guests';
  }
}

// ---- Running one

type Event = {
  event: string;
  errors?: { warning: boolean; element: number; arg: number; message: string }[];
};

interface GuestRun {
  console: string;
  handlers: string;
  /** What `click` says on standard error besides what elements print. */
  diagnostics: { before: string; after: string };
  status: number;
}

let guests = 0;

async function boot(c: GuestCase): Promise<GuestRun> {
  const n = guests++;
  const [plan, socket] = [join(dir, `${n}.plan`), join(dir, `${n}.sock`)];
  writeFileSync(plan, c.configuration.plan);
  const modes = ['stay', ...c.modes].flatMap((m) => ['--mode', m]);
  const args = [
    '--image',
    image,
    '--plan',
    plan,
    '--mem',
    '64M',
    '--control',
    socket,
    '--events',
    '3',
    ...modes,
  ];
  const child = spawn(monitor, args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const run: GuestRun = { console: '', handlers: '', diagnostics: { before: '', after: '' }, status: 0 };
  let monitorSays = '';
  child.stdout!.on('data', (data: Buffer) => {
    run.console += data.toString('latin1');
  });
  child.stderr!.on('data', (data) => {
    monitorSays += data;
  });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const stopped = new Promise<Event | undefined>((resolve) => {
    let text = '';
    child.stdio[3]!.on('data', (data) => {
      text += data;
      for (const line of text.split('\n').slice(0, -1)) {
        const e = JSON.parse(line) as Event;
        if (e.event === 'resting' || e.event === 'refused') resolve(e);
      }
      text = text.slice(text.lastIndexOf('\n') + 1);
    });
    closed.then(() => resolve(undefined));
  });
  try {
    const event = await stopped;
    if (!event) throw new Error(`the guest ended: ${monitorSays}`);
    if (event.event === 'refused') {
      refused(c, run, event);
      await closed;
    } else {
      await readHandlers(c, run, socket);
      expect(await closed, monitorSays).toBe(0);
    }
    return run;
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
  }
}

function located(c: GuestCase, messages: readonly NativeMessage[]): string {
  const { graph, warnings } = c.configuration;
  const list = [...warnings, ...locateMessages(graph, messages).list];
  return formatDiagnostics(c.warnings ? list : list.filter((d) => d.severity !== 'warning'));
}

function refused(c: GuestCase, run: GuestRun, event: Event): void {
  const messages = (event.errors ?? []).map(({ warning, ...m }): NativeMessage => {
    return { ...m, severity: warning ? 'warning' : 'error' };
  });
  run.diagnostics.after = `${located(c, messages)}Router could not be initialized!\n`;
  run.status = 1;
  run.console = ''; // there the guest says the same, by index
}

async function readHandlers(c: GuestCase, run: GuestRun, socket: string): Promise<void> {
  const channel = await Channel.connect(socket, 5000);
  run.diagnostics.before = located(c, (await channel.boot()).messages);
  const read = (handler: string, parameter?: string) =>
    channel.read(handler, parameter).catch((e: unknown) => {
      throw e instanceof ChannelError ? new HandlerError(e.message) : e;
    });
  const before = run.console;
  run.status = await printHandlers({ graph: c.configuration.graph, read }, c.handlers, {
    print: (text) => {
      run.handlers += Buffer.from(text).toString('latin1');
    },
    message: (text) => {
      run.diagnostics.after += text;
    },
  });
  expect(run.console.startsWith(before)).toBe(true);
  await channel.stop();
  channel.close();
}

// ---- Comparing

/** A guest has one console for what a process writes to two streams: can the lines of `a` and `b` be mixed to it? */
function mixes(console: string, a: string, b: string): boolean {
  const [all, x, y] = [console, a, b].map((s) => s.split(/(?<=\n)/).filter(Boolean)) as [
    string[],
    string[],
    string[],
  ];
  if (all.length !== x.length + y.length) return false;
  let reached = new Set([0]); // lines of x among the lines so far
  for (const [n, line] of all.entries()) {
    const next = new Set<number>();
    for (const i of reached) {
      if (x[i] === line) next.add(i + 1);
      if (y[n - i] === line) next.add(i);
    }
    reached = next;
  }
  return reached.has(x.length);
}

/** Are the lines of `part` among those of the console, in order? */
function holds(console: string, part: string): boolean {
  const lines = part.split(/(?<=\n)/);
  for (const line of console.split(/(?<=\n)/)) if (line === lines[0]) lines.shift();
  return lines.filter(Boolean).length === 0;
}

async function runInGuest(c: GuestCase): Promise<void> {
  const { expected } = c;
  const run = await boot(c);
  const { before, after } = run.diagnostics;
  expect(run.status, after).toBe(expected.exit ?? 0);
  if (expected.stdout === undefined && expected.stderr === undefined) return;
  const stdout = expected.stdout ?? '';
  if (expected.stdout !== undefined)
    expect(stdout.slice(-run.handlers.length || stdout.length)).toBe(run.handlers);
  const printed = stdout.slice(0, stdout.length - run.handlers.length);
  if (expected.stderr === undefined) {
    if (!holds(run.console, printed)) expect(run.console).toBe(printed);
    return;
  }
  const { stderr } = expected;
  if (!stderr.startsWith(before) || !stderr.endsWith(after)) expect(`${before}...${after}`).toBe(stderr);
  const chatter = stderr.slice(before.length, stderr.length - after.length);
  if (expected.stdout === undefined) {
    if (!holds(run.console, chatter)) expect(run.console).toBe(chatter);
  } else if (!mixes(run.console, printed, chatter)) expect(run.console).toBe(printed + chatter);
}

const why = whyNoGuest();
if (why) console.log(`conformance cases are not run in guests: ${why}`);

describe.skipIf(why)('conformance cases in a guest', () => {
  const cases: GuestCase[] = [];
  const reasons = new Map<string, number>();
  for (const path of why ? [] : findCases(folder)) {
    const c = guestCase(path);
    if (typeof c === 'string') reasons.set(c, (reasons.get(c) ?? 0) + 1);
    else cases.push(c);
  }
  const skipped = [...reasons].map(([reason, n]) => `${reason}: ${n}`).join(', ');
  if (!why) console.log(`conformance cases: ${cases.length} in guests; not there: ${skipped}`);

  it('most cases can run in a guest', () => {
    expect(cases.length).toBeGreaterThan(350);
  });
  for (const c of cases) it.concurrent(c.name, () => runInGuest(c));
});
