/** `click`: the reference's user-level driver, by its options. */

import { version } from '../engine/paths.ts';
import { CliError, EXIT, message, print, runCommand } from './output.ts';
import { type RunOptions, runRouter, threadCount } from './run-router.ts';
import { OptionError, type OptionSpec, type Parsed, readOptions } from './tools/clp.ts';
import { parseDefinition, type RouterSource, readRouter } from './tools/read.ts';

const OPTIONS: readonly OptionSpec[] = [
  { id: 'reconfigure', long: 'allow-reconfigure', short: 'R', negatable: true },
  { id: 'clickpath', long: 'clickpath', short: 'C', value: 'string' },
  { id: 'expression', long: 'expression', short: 'e', value: 'string' },
  { id: 'file', long: 'file', short: 'f', value: 'string' },
  { id: 'handler', long: 'handler', short: 'h', value: 'string' },
  { id: 'help', long: 'help' },
  { id: 'output', long: 'output', short: 'o', value: 'string' },
  { id: 'socket', long: 'socket', value: 'int' },
  { id: 'port', long: 'port', short: 'p', value: 'string' },
  { id: 'quit', long: 'quit', short: 'q' },
  { id: 'simtime', long: 'simtime', value: 'number', optional: true },
  { id: 'simtime', long: 'simulation-time', value: 'number', optional: true },
  { id: 'simtick', long: 'simtick', value: 'int' },
  { id: 'threads', long: 'threads', short: 'j', value: 'int' },
  { id: 'affinity', long: 'cpu', value: 'int', optional: true, negatable: true },
  { id: 'affinity', long: 'affinity', short: 'a', value: 'int', optional: true, negatable: true },
  { id: 'time', long: 'time', short: 't' },
  { id: 'unix-socket', long: 'unix-socket', short: 'u', value: 'string' },
  { id: 'version', long: 'version', short: 'v' },
  { id: 'warnings', long: 'warnings', negatable: true },
  { id: 'no-warnings', short: 'w' },
  { id: 'exit-handler', long: 'exit-handler', short: 'x', value: 'string' },
  { id: 'batch', long: 'batch', value: 'int' },
  { id: 'netdev', long: 'netdev', value: 'string' },
  { id: 'plan-only', long: 'plan-only', value: 'string' },
];

const SHORT_USAGE = "Usage: click [OPTION]... [ROUTERFILE]\nTry 'click --help' for more information.\n";

const HELP = `Runs a Click router configuration in this process, until the router stops or is interrupted.

Usage: click [OPTION]... [ROUTERFILE] [NAME=VALUE]...

Options:
  -f, --file FILE               Read the configuration from FILE ('-': standard input).
  -e, --expression EXPR         Use EXPR as the configuration.
  -j, --threads N               Start N threads (default 1, at most 16); StaticThreadSched says what they run.
  -a, --affinity[=N]            Pin the engine's thread to CPU #N (default 0).
  -p, --port PORT               Listen for control connections on TCP port PORT ('PORT+': or a later one).
  -u, --unix-socket FILE        Listen for control connections on a Unix socket.
      --socket FD               Take control connections from file descriptor FD.
  -R, --allow-reconfigure       Provide a write handler 'hotconfig', which installs a new configuration.
  -h, --handler ELEMENT.H       Call read handler H when the driver has stopped and print its value. ELEMENT may
                                be a class or contain '*', '?' and '[...]'.
  -x, --exit-handler ELEMENT.H  Use the value of the handler as exit status.
  -o, --output FILE             Write the flat configuration to FILE.
  -q, --quit                    Initialise the router, do not run it.
  -t, --time                    Print how long the driver ran.
  -w, --no-warnings             Do not print warnings.
      --simtime[=TIME]          Run in simulated time, from TIME on (default 1000000000).
      --simtick N               Nanoseconds that simulated time advances at each reading (default 1).
  -C, --clickpath PATH          Look for libraries in PATH instead of CLICKPATH.
      --batch N                 Move N packets in one go (1: in the exact order of the reference).
      --netdev SPEC             Device for the port names 0, 1, ...: tap:NAME, vhost-user:SOCKET, an interface.
      --plan-only FILE          Write the binary plan to FILE and stop.
      --help                    Print this message and exit.
  -v, --version                 Print version number and exit.
`;

const VERSION = `click (Clicklet) ${version}
The language, the options and the handlers are those of Click 2.1.
`;

const MAX_TICK = 1_000_000_000;

/** Seconds as nanoseconds, exact where written as a decimal fraction. */
function nanoseconds(seconds: string): bigint {
  const m = /^([-+]?)(\d+)\.?(\d*)$/.exec(seconds);
  const ns = m
    ? BigInt(`${m[1]}1`) * BigInt(m[2] + m[3]!.slice(0, 9).padEnd(9, '0'))
    : BigInt(Math.round(Number(seconds) * 1e9));
  if (ns !== BigInt.asIntN(63, ns)) throw new OptionError(`--simtime: ${seconds} s is out of range`);
  return ns;
}

/** Thrown to end with a status before anything ran. */
class Done extends Error {}

interface CommandLine {
  source: RouterSource | undefined;
  run: RunOptions & {
    variables: Record<string, string>;
    handlers: string[];
    ports: string[];
    controlSockets: string[];
  };
}

function readCommandLine(words: readonly string[]): CommandLine {
  const line: CommandLine = {
    source: undefined,
    run: { variables: {}, handlers: [], ports: [], controlSockets: [], warnings: true },
  };
  for (const option of readOptions(words, OPTIONS)) apply(option, line);
  return line;
}

function apply(option: Parsed, line: CommandLine): void {
  const { run } = line;
  const value = option.value ?? '';
  const configuration = (source: RouterSource) => {
    if (line.source) throw new OptionError('router configuration specified twice');
    line.source = source;
  };
  switch (option.id) {
    case undefined: {
      const definition = parseDefinition(value);
      if (!definition) configuration({ file: value });
      else if (Object.hasOwn(run.variables, definition.name))
        message(`parameter '${definition.name}' multiply defined\n`);
      else run.variables[definition.name] = definition.value;
      break;
    }
    case 'file':
      configuration({ file: value });
      break;
    case 'expression':
      configuration({ expression: value });
      break;
    case 'handler':
      run.handlers.push(value);
      break;
    case 'exit-handler':
      if (run.exitHandler !== undefined) throw new OptionError('--exit-handler specified twice');
      run.exitHandler = value;
      break;
    case 'output':
      if (run.flatOutput !== undefined) throw new OptionError('output file specified twice');
      run.flatOutput = value;
      break;
    case 'port': {
      const number = Number(/^(\d+)\+?$/.exec(value)?.[1] ?? -1);
      if (number < 0 || number > 65_535)
        throw new OptionError(`'${option.shown}' expects a TCP port number, not '${value}'`);
      run.controlSockets.push(`TCP, ${value}`);
      break;
    }
    case 'unix-socket':
      run.controlSockets.push(`UNIX, ${value}`);
      break;
    case 'socket':
      run.controlSockets.push(`SOCKET, ${value}`);
      break;
    case 'reconfigure':
      run.reconfigure = !option.negated;
      break;
    case 'quit':
      run.quit = true;
      break;
    case 'time':
      run.time = true;
      break;
    case 'warnings':
      run.warnings = !option.negated;
      break;
    case 'no-warnings':
      run.warnings = false;
      break;
    case 'threads':
      run.threads = threadCount(value, option.shown);
      run.spread = false;
      break;
    case 'affinity':
      if (option.negated) delete run.cpu;
      else run.cpu = Number(value || '0');
      break;
    case 'simtime':
      run.simulatedTime = true;
      if (value !== '') run.simulatedStart = nanoseconds(value);
      break;
    case 'simtick':
      if (!(Number(value) >= 1 && Number(value) <= MAX_TICK))
        throw new CliError(`--simtick expects 1 to ${MAX_TICK} nanoseconds, not '${value}'`, EXIT.usage);
      run.simulatedTick = Number(value);
      break;
    case 'clickpath':
      run.clickPath = value;
      break;
    case 'batch':
      run.batch = Number(value);
      break;
    case 'netdev':
      run.ports.push(value);
      break;
    case 'plan-only':
      run.planOnly = value;
      break;
    case 'help':
      print(HELP);
      throw new Done();
    case 'version':
      print(VERSION);
      throw new Done();
  }
}

void runCommand('click', async () => {
  let line: CommandLine;
  try {
    line = readCommandLine(process.argv.slice(2));
  } catch (e) {
    if (e instanceof Done) return EXIT.ok;
    if (!(e instanceof OptionError)) throw e;
    message(`click: ${e.message}\n${SHORT_USAGE}`);
    return EXIT.input; // as the reference
  }
  return runRouter(readRouter(line.source ?? {}), line.run);
});
