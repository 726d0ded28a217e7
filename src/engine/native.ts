/** The native boundary: everything the addon offers, typed in one place and loaded in one place. */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { packagePath } from './paths.ts';

/** One message of configuration or of a handler. `element` and `arg` are indexes into the plan, -1 for none. */
export interface NativeMessage {
  readonly severity: 'error' | 'warning';
  readonly element: number;
  readonly arg: number;
  readonly message: string;
}

export interface NativeResult {
  readonly ok: boolean;
  readonly text: string;
  readonly messages: readonly NativeMessage[];
}

export interface EngineOptions {
  /** Clocks advance a little at each reading and jump when nothing can run. */
  simulatedTime?: boolean;
  /** Where simulated time starts, in nanoseconds; default 1000000000 s. */
  simulatedStart?: bigint;
  /** Nanoseconds that simulated time advances at each reading of the clock; default 1. */
  simulatedTick?: number;
  /** Packets a task moves in one go, 1 to 64; default 32, or 1 where the order of packets shows. */
  batch?: number;
  /** Engine threads; default 1. Not with simulated time. */
  threads?: number;
  /** Packets at most; default: as memory allows. */
  poolPackets?: number;
  /** Device specs for the port names "0", "1", ...: `tap:NAME`, `vhost-user:SOCKET` or an interface's name. */
  ports?: string[];
  /** The front end behind the root handler `hotconfig`; without it there is no such handler. */
  reconfigure?: Reconfigure;
}

/** Called while the engine's thread waits, so neither may wait for the engine. */
export interface Reconfigure {
  /** The plan of what was written; the message of what it throws is the handler's error. */
  compile(text: string): Uint8Array;
  /** The last plan was installed, or it was not: then the message of what this throws is the handler's error. */
  installed(result: NativeResult): void;
}

/** One engine: a router and, while it runs, a native thread. Calls are executed by that thread between its rounds. */
export interface NativeEngine {
  install(plan: Uint8Array): Promise<NativeResult>;
  /** Configures a plan's elements only, for the mistakes in their arguments. Not while the engine runs. */
  check(plan: Uint8Array): NativeResult;
  /** What the fused engine's generator must know of a plan for a thread, as JSON in `text`. Not while the engine runs. */
  fuseFacts(plan: Uint8Array, thread?: number): NativeResult;
  /** The same of what a thread (default 0) runs. */
  routerFacts(thread?: number): Promise<NativeResult>;
  /** Loads a fused unit and binds it to the running router between two rounds. */
  fuse(file: string, thread?: number): Promise<NativeResult>;
  /** Back to the dynamic engine. */
  unfuse(): Promise<NativeResult>;
  /** Resolves when the router stops. `cpu` pins the thread, and further threads to the next CPUs. */
  run(cpu?: number): Promise<void>;
  stop(): void;
  read(handler: string, parameter?: string): Promise<NativeResult>;
  write(handler: string, value?: string): Promise<NativeResult>;
  /** `text` is JSON: poolTotal, poolFree, poolFailures, rounds, tasksRun, idleWaits. */
  stats(): Promise<NativeResult>;
  /** Frees the engine; waits for its thread. */
  close(): void;
}

interface Addon {
  NativeEngine: new (options: EngineOptions) => NativeEngine;
  classTable(): string;
}

/** The host cannot do what was asked; `exitCode` is 3 for the command line. */
export class HostError extends Error {
  readonly exitCode = 3;
}

let addon: Addon | undefined;

function load(): Addon {
  if (addon) return addon;
  const file = packagePath('build', 'Release', 'clicklet.node');
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new HostError(`running routers needs Linux on x86-64, this is ${process.platform} ${process.arch}`);
  if (!existsSync(file)) throw new HostError("the engine is not built: run 'npm run build:native'");
  addon = createRequire(import.meta.url)(file) as Addon;
  return addon;
}

/** Create an engine without a configuration. Throws HostError where the engine cannot run. */
export function createEngine(options: EngineOptions = {}): NativeEngine {
  return new (load().NativeEngine)(options);
}
