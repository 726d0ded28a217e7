/** The library: parse, elaborate, check and run Click configurations. */

export * from './elaborate/index.ts';
export { type FusedSource, fusedSource, fuseRouter } from './engine/fuse/index.ts';
export { createEngine, type EngineOptions, HostError, type NativeEngine } from './engine/native.ts';
export { type PlanOptions, writePlan } from './engine/plan.ts';
export {
  type Configuration,
  ConfigurationError,
  compilePlan,
  HandlerError,
  Router,
} from './engine/router.ts';
export { classTable } from './engine/table.ts';
export * from './graph/index.ts';
export * from './lang/index.ts';
// `parse` of its own: the library's reports mistakes by throwing unless it is told where to collect them.
export { type FlattenOptions, flatten, parse, print } from './library.ts';
