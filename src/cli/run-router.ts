/** Running a router in this process, as `click` and `clicklet run` do. */

import { writeFileSync } from 'node:fs';
import { elaborate } from '../elaborate/index.ts';
import { writePlan } from '../engine/plan.ts';
import { checkRequirements } from '../engine/requirements.ts';
import {
  type Configuration,
  ConfigurationError,
  compilePlan,
  HandlerError,
  Router,
} from '../engine/router.ts';
import { classTable } from '../engine/table.ts';
import { MAX_THREADS } from '../engine/threads.ts';
import { printFlat } from '../graph/print-flat.ts';
import { Diagnostics } from '../lang/diagnostics.ts';
import { parse } from '../lang/parse.ts';
import { type EngineChoice, engineFromEnvironment, Fusing } from './fusing.ts';
import { type ConfigText, libraryResolver } from './load.ts';
import { CliError, EXIT, message, print, report } from './output.ts';
import { classicMessages, formatClassic } from './tools/classic.ts';

export interface RunOptions {
  variables?: Record<string, string>;
  handlers?: string[];
  /** The handler whose value becomes the exit status. */
  exitHandler?: string;
  /** Where the flat configuration is written before the router runs. */
  flatOutput?: string;
  quit?: boolean;
  warnings?: boolean;
  time?: boolean;
  simulatedTime?: boolean;
  simulatedStart?: bigint;
  simulatedTick?: number;
  /** Is there a root handler `hotconfig`? */
  reconfigure?: boolean;
  clickPath?: string;
  batch?: number;
  ports?: string[];
  cpu?: number;
  /** `fused` compiles before the router runs, `auto` while it does. Default dynamic. */
  engine?: EngineChoice;
  /** Engine threads; default 1. */
  threads?: number;
  /** Deal tasks out to the threads, beyond what StaticThreadSched says. */
  spread?: boolean;
  /** Arguments of ControlSocket elements to add. */
  controlSockets?: string[];
  /** Write the plan to this file and stop. */
  planOnly?: string;
  /** Called when the router is initialised, before it runs. */
  onReady?: (router: Router) => void;
}

/** A number of engine threads from the command line. Throws CliError. */
export function threadCount(text: string, option: string): number {
  const n = Number(text);
  if (!(Number.isInteger(n) && n >= 1 && n <= MAX_THREADS))
    throw new CliError(`'${option}' expects 1 to ${MAX_THREADS} threads, not '${text}'`, EXIT.usage);
  return n;
}

/** Compile, initialise, run until the driver stops, read the handlers. Returns the exit status. */
export async function runRouter(config: ConfigText, options: RunOptions): Promise<number> {
  const warn = (text: string) => {
    if (options.warnings !== false) message(`warning: ${text}\n`);
  };
  if ((options.threads ?? 1) > 1 && options.simulatedTime)
    throw new CliError('simulated time needs a single thread', EXIT.usage);
  let router: Router | undefined;
  // Before the router is made: a script that waits for the signal then takes it over.
  const stop = (signal: NodeJS.Signals) => (router ? router.stop() : process.kill(process.pid, signal));
  const forget = () => {
    process.removeListener('SIGINT', stop);
    process.removeListener('SIGTERM', stop);
  };
  let fusing: Fusing | undefined;
  try {
    const compiled = compileText(config, options);
    if (options.planOnly) {
      writeFileSync(options.planOnly, compiled.plan);
      return EXIT.ok;
    }
    if (!options.quit) {
      process.once('SIGINT', stop);
      process.once('SIGTERM', stop);
    }
    router = await Router.create(compiled, {
      simulatedTime: options.simulatedTime ?? false,
      ...(options.simulatedStart !== undefined && { simulatedStart: options.simulatedStart }),
      ...(options.simulatedTick !== undefined && { simulatedTick: options.simulatedTick }),
      ...(options.ports ? { ports: options.ports } : {}),
      ...(options.reconfigure && {
        reconfigure: {
          // Control connections move over with the rest.
          compile: (text) => recompile({ text, file: 'config' }, options),
          installed: (warnings) => {
            fusing?.restart();
            if (options.warnings !== false) report(warnings);
          },
        },
      }),
    });
  } catch (e) {
    forget();
    if (!(e instanceof ConfigurationError)) throw e;
    report(e.diagnostics);
    if (isUnderstood(config, options)) message('Router could not be initialized!\n');
    return EXIT.input;
  }
  if (options.warnings !== false) report(router.warnings);
  if (options.flatOutput === '-') print(printFlat(router.graph));
  else if (options.flatOutput !== undefined) writeFileSync(options.flatOutput, printFlat(router.graph));
  const started = process.hrtime.bigint();
  const usage = process.cpuUsage();
  if (!options.quit && router.graph.elements.length === 0)
    warn(`${config.file}: configuration has no elements, exiting`);
  else if (!options.quit) {
    options.onReady?.(router);
    fusing = new Fusing(router, options.engine ?? engineFromEnvironment(), warn);
    await fusing.start();
    await router.run(options.cpu);
    fusing.stop();
  }
  forget();
  if (options.time) {
    const { user, system } = process.cpuUsage(usage);
    const real = Number(process.hrtime.bigint() - started) / 1e9;
    const clock = `${Math.floor(real / 60)}:${(real % 60).toFixed(2).padStart(5, '0')}`;
    print(`${(user / 1e6).toFixed(3)}u ${(system / 1e6).toFixed(3)}s ${clock}\n`);
  }
  let status = await printHandlers(router, options.handlers ?? []);
  if (options.exitHandler !== undefined) status = await exitStatus(router, options.exitHandler);
  router.close();
  return status;
}

/** For `hotconfig`: what its writer reads follows CLICK_MESSAGES, too. */
function recompile(config: ConfigText, options: RunOptions): Configuration {
  try {
    return compileText(config, options);
  } catch (e) {
    if (!(e instanceof ConfigurationError && classicMessages())) throw e;
    const end = isUnderstood(config, options) ? 'Router could not be initialized!' : '';
    e.message = (formatClassic(e.diagnostics) + end).trimEnd();
    throw e;
  }
}

/** What is installed for a configuration and options. Throws ConfigurationError. */
export function compileText(
  config: ConfigText,
  options: RunOptions,
  target: 'host' | 'guest' = 'host',
): Configuration {
  const text = config.text + controlSocketText(options.controlSockets ?? []);
  const compiled = compilePlan(text, config.file, {
    target,
    variables: options.variables ?? {},
    resolveLibrary: libraryResolver(options.clickPath),
    batch: options.batch ?? 0,
    threads: options.threads ?? 1,
    spread: options.spread ?? true,
    stopEarly: classicMessages(),
  });
  const { graph } = compiled;
  const unmet = checkRequirements(graph);
  if (unmet.length > 0) throw new ConfigurationError(unmet);
  // The reference serves the flat configuration as `config` where compact_config is required.
  const compact = graph.requirements.some(({ type }) => type === 'compact_config');
  const source = compact ? printFlat(graph) : config.text;
  if (source === text) return compiled;
  const threads = compiled.threads && { threads: compiled.threads.masks };
  return { ...compiled, plan: writePlan(graph, { source, batch: options.batch ?? 0, ...threads }) };
}

/** Declarations of the control sockets that the command line asks for, named as the reference names them. */
function controlSocketText(sockets: readonly string[]): string {
  if (sockets.length === 0) return '';
  if (!classTable().has('ControlSocket'))
    throw new CliError(
      'this build has no ControlSocket element, so there are no control connections',
      EXIT.host,
    );
  const name = (i: number) => `click_driver@@ControlSocket${i === 0 ? '' : `@${i}`}`;
  return `\n;${sockets.map((args, i) => `${name(i)} :: ControlSocket(${args});`).join(' ')}\n`;
}

/** Did the text elaborate without an error, so that what failed is the router and not the language? */
function isUnderstood({ text, file }: ConfigText, options: RunOptions): boolean {
  const diagnostics = new Diagnostics();
  const { variables = {} } = options;
  elaborate(
    parse(text, file, diagnostics),
    { classes: classTable(), variables, resolveLibrary: libraryResolver(options.clickPath) },
    diagnostics,
  );
  return !diagnostics.hasErrors;
}

// ---- Handlers

/** What handlers are read from. */
export type HandlerSource = Pick<Router, 'graph' | 'read'>;

/** Print read handlers, each under its name if there are several. Returns the exit status. */
export async function printHandlers(
  router: HandlerSource,
  words: readonly string[],
  to = { print, message },
): Promise<number> {
  let status: number = EXIT.ok;
  const fail = (text: string) => {
    to.message(`${text}\n`);
    status = EXIT.input;
  };
  for (const word of words) {
    const { names, several } = await expandHandler(router, word, fail);
    for (const name of names) {
      try {
        let value = await router.read(name);
        if (value !== '' && !value.endsWith('\n') && !(await isRaw(router, name))) value += '\n';
        to.print(several || words.length > 1 ? `${name}:\n${value}\n` : value);
      } catch (e) {
        if (!(e instanceof HandlerError)) throw e;
        fail(await whyUnreadable(router, name, e.message));
      }
    }
  }
  return status;
}

/** `c.count` is one handler; with a pattern or a class name before the dot it may be several. */
async function expandHandler(
  router: HandlerSource,
  word: string,
  fail: (text: string) => void,
): Promise<{ names: string[]; several: boolean }> {
  const dot = word.indexOf('.');
  const element = word.slice(0, dot);
  const handler = word.slice(dot + 1);
  const { elements } = router.graph;
  if (dot < 0 || elements.some(({ name }) => name === element)) return { names: [word], several: false };
  const isPattern = /[?*[]/.test(element);
  const pattern = isPattern ? globPattern(element) : undefined;
  const matching = elements.filter((e) => (pattern ? pattern.test(e.name) : e.className === element));
  if (matching.length === 0) fail(`no element ${isPattern ? 'matching ' : ''}'${element}'`);
  const names: string[] = [];
  for (const { name } of matching)
    if ((await handlerFlags(router, `${name}.${handler}`))?.includes('r')) names.push(`${name}.${handler}`);
  return { names, several: true };
}

/** A shell pattern as a regular expression: `*`, `?`, `[a-z]`, `[^a-z]` and `\` to take a character as it is. */
export function globPattern(glob: string): RegExp {
  const parts = glob.match(/\\.|\[[\^!]?\]?[^\]]*\]|./gs) ?? [];
  const source = parts.map((part) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    if (part.length > 2 && part.startsWith('[')) {
      const negated = /^\[[\^!]/.test(part);
      const members = part.slice(negated ? 2 : 1, -1).replace(/[\\\][^]/g, '\\$&');
      return `[${negated ? '^' : ''}${members}]`;
    }
    return (part.length > 1 ? part.slice(1) : part).replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  });
  return new RegExp(`^${source.join('')}$`, 's');
}

/** The flags in a handler's line of its element's `handlers` (`r`, `w`, `%` for raw, ...). */
async function handlerFlags(router: HandlerSource, name: string): Promise<string | undefined> {
  const dot = name.indexOf('.');
  const list = await router.read(dot < 0 ? 'handlers' : `${name.slice(0, dot)}.handlers`);
  const start = `${name.slice(dot + 1)}\t`;
  return list
    .split('\n')
    .find((line) => line.startsWith(start))
    ?.slice(start.length);
}

async function isRaw(router: HandlerSource, name: string): Promise<boolean> {
  return (await handlerFlags(router, name))?.includes('%') ?? false;
}

async function whyUnreadable(router: HandlerSource, name: string, why: string): Promise<string> {
  const flags = await handlerFlags(router, name);
  if (flags === undefined) return `no '${name}' handler`;
  return flags.includes('r') ? why : `'${name}' is a write handler`;
}

const FAILED = 255;

/** A handler's value as an exit status: a number, or `true` for 0 and `false` for 1. */
async function exitStatus(router: Router, name: string): Promise<number> {
  let value: string;
  try {
    value = (await router.read(name)).trim();
  } catch (e) {
    if (!(e instanceof HandlerError)) throw e;
    message(`${e.message}\n`);
    return FAILED;
  }
  if (/^[-+]?(\d+|0x[0-9a-f]+)$/i.test(value))
    return (Number(value.replace(/^[-+]/, '')) * (value[0] === '-' ? -1 : 1)) & 255;
  if (/^(true|yes|t|y)$/.test(value)) return 0;
  if (/^(false|no|f|n)$/.test(value)) return 1;
  message('exit handler value should be integer\n');
  return FAILED;
}
