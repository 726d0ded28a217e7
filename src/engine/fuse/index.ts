/** The fused engine: a configuration compiled to native code, bound to a router that runs. */

import type { ResolvedGraph } from '../../graph/resolved-graph.ts';
import { createEngine, HostError } from '../native.ts';
import { type Configuration, ConfigurationError, locateMessages, type Router } from '../router.ts';
import { classTable } from '../table.ts';
import { compileUnit } from './compiler.ts';
import { type FusedSource, type FuseFacts, generate } from './generate.ts';
import { sourcesDigest } from './sources.ts';

export type { FusedSource } from './generate.ts';

function generateChecked(graph: ResolvedGraph, json: string): FusedSource {
  const facts = JSON.parse(json) as FuseFacts;
  if (facts.sources !== sourcesDigest())
    throw new HostError(
      "the elements' sources are not those the engine was built from: run 'npm run build:native'",
    );
  return generate(graph, facts, new Set([...classTable()].map((c) => c.file)));
}

/** A thread's fused unit of a configuration as C, with a report on every connection. Throws ConfigurationError. */
export function fusedSource({ graph, plan, threads }: Configuration, thread = 0): FusedSource {
  const engine = createEngine({ threads: threads?.count ?? 1 });
  const { ok, text, messages } = engine.fuseFacts(plan, thread);
  engine.close();
  if (!ok) throw new ConfigurationError(locateMessages(graph, messages).list);
  return generateChecked(graph, text);
}

/**
 * Compiles what a router runs, or takes it from the cache, and binds it: from the next round on packets travel by the
 * compiled code, with all state where it was. Where no connection can be fused, nothing is compiled. False if the router was given another configuration meanwhile. Throws
 * HostError where there is no compiler.
 */
export async function fuseRouter(router: Router, signal?: AbortSignal): Promise<boolean> {
  const { configuration } = router;
  for (let thread = 0; thread < (configuration.threads?.count ?? 1); thread++) {
    const source = generateChecked(configuration.graph, await router.fuseFacts(thread));
    if (!source.bound) continue;
    const { file } = await compileUnit(source.text, signal);
    if (router.configuration !== configuration) return false;
    await router.fuse(file, thread);
  }
  return true;
}

/** How packets travel along a connection. */
export interface EdgeLine {
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  readonly toPort: number;
  /** The next element's code stands there; one call of a function that is known; one call through a pointer. */
  readonly kind: 'inlined' | 'call' | 'indirect';
  /** What keeps it from being inlined. */
  readonly why: string;
}

/** A unit's report in names, in the order of the configuration. */
export function explainEdges({ graph }: Configuration, source: FusedSource): EdgeLine[] {
  return source.edges.map(({ connection: c, kind, why }) => ({
    from: graph.elements[c.from]!.name,
    fromPort: c.fromPort,
    to: graph.elements[c.to]!.name,
    toPort: c.toPort,
    kind,
    why,
  }));
}
