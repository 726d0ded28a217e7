/** A router in this process: a configuration compiled, installed into a native engine and run. */

import { MAX_ARGUMENTS } from '../graph/check.ts';
import { type CompileOptions, compile } from '../graph/compile.ts';
import type { FlatArg, FlatGraph } from '../graph/flat-graph.ts';
import type { ResolvedElement, ResolvedGraph } from '../graph/resolved-graph.ts';
import { type Diagnostic, Diagnostics, formatDiagnostics, type Note } from '../lang/diagnostics.ts';
import { createEngine, type EngineOptions, type NativeEngine, type NativeMessage } from './native.ts';
import { writePlan } from './plan.ts';
import { classTable } from './table.ts';
import { assignThreads, type ThreadPlan } from './threads.ts';

/** A configuration was refused; `diagnostics` says why, each with its place. */
export class ConfigurationError extends Error {
  readonly exitCode = 1;
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(formatDiagnostics(diagnostics).trimEnd());
    this.diagnostics = diagnostics;
  }
}

/** A handler call failed: there is no such handler, or it refused the value. */
export class HandlerError extends Error {
  readonly exitCode = 1;
}

/** Turns an engine's messages, which name elements and arguments by index, into located diagnostics. */
export function locateMessages(graph: FlatGraph, messages: readonly NativeMessage[]): Diagnostics {
  const diagnostics = new Diagnostics();
  for (const m of messages) {
    const element = graph.elements[m.element];
    const arg = element?.args[m.arg];
    const span = arg?.span ?? element?.span;
    const text = element ? `'${element.name} :: ${element.className}': ${m.message}` : m.message;
    if (m.severity === 'warning') diagnostics.warning(span, text);
    else diagnostics.error(span, text, arg ? undefinedVariable(arg) : []);
  }
  diagnostics.sort();
  return diagnostics;
}

/** A variable that nothing defines stays as it is written, which is rarely what was meant. */
function undefinedVariable({ text, span }: FlatArg): Note[] {
  const name = /\$(\w+)|\$\{(\w+)\}/.exec(text);
  return name ? [{ message: `nothing defines '$${name[1] ?? name[2]}'`, span }] : [];
}

/** A compiled configuration: the graph, its plan, and what the front end had to say. */
export interface Configuration {
  readonly graph: ResolvedGraph;
  readonly plan: Uint8Array;
  readonly warnings: readonly Diagnostic[];
  /** Where it runs, if that is more than one thread. */
  readonly threads?: ThreadPlan;
}

/** For the root handler `hotconfig`: compiles what is written, and hears when it is installed. */
export interface Recompile {
  /** Throws ConfigurationError. */
  compile(text: string): Configuration;
  installed(warnings: readonly Diagnostic[]): void;
}

/** What the elements say of their arguments, without initialising any. Nothing where no engine can run. */
function configureOnly(graph: ResolvedGraph): readonly NativeMessage[] {
  let engine: NativeEngine;
  try {
    engine = createEngine();
  } catch {
    return []; // what the front end said must do on this host
  }
  const { messages } = engine.check(writePlan(graph));
  engine.close();
  return messages;
}

/** The mistakes in the arguments of a compiled configuration, found without opening files or devices. */
export function checkArguments(configuration: Configuration): readonly Diagnostic[] {
  const { graph } = configuration;
  return locateMessages(graph, configureOnly(graph)).list;
}

/**
 * A configuration that has errors already is not installed, so its arguments would go unchecked and be reported one
 * round later. This asks the elements that could be understood for the mistakes in their arguments.
 */
function checkPartial(flat: FlatGraph, diagnostics: Diagnostics): void {
  if (flat.elements.some((e) => e.args.length > MAX_ARGUMENTS)) return;
  const table = classTable();
  // As many ports as the connections that could be understood speak of.
  const inputs: 'push'[][] = flat.elements.map(() => []);
  const outputs: 'push'[][] = flat.elements.map(() => []);
  for (const c of flat.connections) {
    while (outputs[c.from]!.length <= c.fromPort) outputs[c.from]!.push('push');
    while (inputs[c.to]!.length <= c.toPort) inputs[c.to]!.push('push');
  }
  const elements: ResolvedElement[] = flat.elements.flatMap((e) => {
    const elementClass = e.undeclared ? undefined : table.get(e.className);
    const ports = {
      inputs: inputs[e.index]!,
      outputs: outputs[e.index]!,
      agnosticInputs: [],
      agnosticOutputs: [],
    };
    return elementClass ? [{ ...e, class: elementClass, ...ports }] : [];
  });
  const graph = { ...flat, elements, connections: [] };
  const messages = configureOnly(graph);
  // In half a graph only what is said of an argument counts.
  const located = locateMessages(
    graph,
    messages.filter((m) => m.arg >= 0 && m.severity === 'error'),
  );
  for (const d of located.list) diagnostics.error(d.span, d.message, d.notes);
  diagnostics.sort();
}

/** Compile text to a plan. Throws ConfigurationError with every located error. */
export function compilePlan(
  text: string,
  file: string,
  options: Omit<CompileOptions, 'classes'> & { batch?: number; threads?: number; spread?: boolean } = {},
): Configuration {
  const { graph, flat, diagnostics } = compile(text, file, {
    target: 'host',
    ...options,
    classes: classTable(),
  });
  if (!graph) {
    if (!options.stopEarly) checkPartial(flat, diagnostics);
    throw new ConfigurationError(diagnostics.list);
  }
  const { batch = 0, threads: count = 1, spread = true } = options;
  if (count === 1)
    return { graph, plan: writePlan(graph, { source: text, batch }), warnings: diagnostics.list };
  const threads = assignThreads(graph, count, spread);
  if (threads.diagnostics.hasErrors)
    throw new ConfigurationError([...diagnostics.list, ...threads.diagnostics.list]);
  const plan = writePlan(graph, { source: text, batch, threads: threads.masks });
  return { graph, plan, threads, warnings: diagnostics.list };
}

/**
 * A router in this process.
 *
 * @example
 * const router = await Router.create('InfiniteSource(LIMIT 5, STOP true) -> c :: Counter -> Discard;');
 * await router.run();
 * console.log(await router.read('c.count')); // 5
 * router.close();
 */
export class Router {
  readonly #engine: NativeEngine;
  #configuration: Configuration;
  /** Warnings of the last installation. */
  warnings: readonly Diagnostic[];

  private constructor(engine: NativeEngine, configuration: Configuration, warnings: readonly Diagnostic[]) {
    this.#engine = engine;
    this.#configuration = configuration;
    this.warnings = [...configuration.warnings, ...warnings];
  }

  /** Compile and initialise a configuration. Throws ConfigurationError, or HostError where no engine can run. */
  static async create(
    configuration: string | Configuration,
    options: Omit<EngineOptions, 'reconfigure'> & { file?: string; reconfigure?: Recompile } = {},
  ): Promise<Router> {
    const compiled =
      typeof configuration === 'string'
        ? compilePlan(configuration, options.file ?? 'config')
        : configuration;
    const { reconfigure, ...rest } = options;
    let router: Router | undefined;
    let next = compiled;
    const engine = createEngine({
      ...rest,
      threads: compiled.threads?.count ?? 1,
      ...(reconfigure && {
        reconfigure: {
          compile: (text) => {
            next = reconfigure.compile(text);
            return next.plan;
          },
          installed: ({ ok, messages }) => {
            const { list } = locateMessages(next.graph, messages);
            if (!ok) throw new ConfigurationError(list);
            if (router) router.#adopt(next, list);
            reconfigure.installed([...next.warnings, ...list]);
          },
        },
      }),
    });
    const result = await engine.install(compiled.plan);
    const located = locateMessages(compiled.graph, result.messages);
    if (!result.ok) {
      engine.close();
      throw new ConfigurationError([...compiled.warnings, ...located.list]);
    }
    router = new Router(engine, compiled, located.list);
    return router;
  }

  get graph(): ResolvedGraph {
    return this.#configuration.graph;
  }

  /** What runs. */
  get configuration(): Configuration {
    return this.#configuration;
  }

  /** Replace the running configuration; state moves over by element name and class. A bad one changes nothing. */
  async swap(configuration: Configuration): Promise<void> {
    const result = await this.#engine.install(configuration.plan);
    const located = locateMessages(configuration.graph, result.messages);
    if (!result.ok) throw new ConfigurationError(located.list);
    this.#adopt(configuration, located.list);
  }

  #adopt(configuration: Configuration, more: readonly Diagnostic[]): void {
    this.#configuration = configuration;
    this.warnings = [...configuration.warnings, ...more];
  }

  /** What the fused engine's generator must know of what a thread runs, as JSON. Throws HandlerError. */
  async fuseFacts(thread = 0): Promise<string> {
    const result = await this.#engine.routerFacts(thread);
    if (!result.ok) throw new HandlerError(result.messages.map((m) => m.message).join('\n'));
    return result.text;
  }

  /** Binds a fused unit that was compiled from the configuration that runs. Throws HandlerError if it does not fit. */
  async fuse(file: string, thread = 0): Promise<void> {
    const result = await this.#engine.fuse(file, thread);
    if (!result.ok) throw new HandlerError(result.messages.map((m) => m.message).join('\n'));
  }

  /** Back to the dynamic engine. */
  async unfuse(): Promise<void> {
    await this.#engine.unfuse();
  }

  /** Run until the router stops by itself or `stop()`. `cpu` pins its thread, and further threads to the next CPUs. */
  run(cpu?: number): Promise<void> {
    return this.#engine.run(cpu);
  }

  stop(): void {
    this.#engine.stop();
  }

  /** Read handler `element.handler`, or one of the router's own. Throws HandlerError. */
  async read(handler: string, parameter = ''): Promise<string> {
    const result = await this.#engine.read(handler, parameter);
    if (!result.ok) throw new HandlerError(result.messages.map((m) => m.message).join('\n'));
    return result.text;
  }

  /** Write a handler. Throws HandlerError. */
  async write(handler: string, value = ''): Promise<void> {
    const result = await this.#engine.write(handler, value);
    if (!result.ok) throw new HandlerError(result.messages.map((m) => m.message).join('\n'));
  }

  close(): void {
    this.#engine.close();
  }
}
