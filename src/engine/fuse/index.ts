/** The fused engine: a configuration compiled to native code, bound to a router that runs. */

import { createEngine, HostError } from '../native.ts';
import { type Configuration, ConfigurationError, locateMessages } from '../router.ts';
import { classTable } from '../table.ts';
import { compileUnit } from './compiler.ts';
import { type FusedSource, type FuseFacts, generate } from './generate.ts';
import { sourcesDigest } from './sources.ts';

/** The fused unit of a configuration as C, with a report on every connection. Throws ConfigurationError. */
export function fusedSource({ graph, plan }: Configuration): FusedSource {
  const engine = createEngine();
  const { ok, text, messages } = engine.fuseFacts(plan);
  engine.close();
  if (!ok) throw new ConfigurationError(locateMessages(graph, messages).list);
  const facts = JSON.parse(text) as FuseFacts;
  if (facts.sources !== sourcesDigest())
    throw new HostError(
      "the elements' sources are not those the engine was built from: run 'npm run build:native'",
    );
  return generate(graph, facts, new Set([...classTable()].map((c) => c.file)));
}

/** A line for people on how packets travel along each connection, in the order of the configuration. */
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

export interface EdgeLine {
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  readonly toPort: number;
  /** The code of the next element stands there; one call of a function known; one call through a pointer. */
  readonly kind: 'inlined' | 'call' | 'indirect';
  /** What keeps it from being inlined. */
  readonly why: string;
}

/** Compiles a configuration's unit; the file is in the cache and stays there. Throws HostError without a compiler. */
export async function fuseUnit(
  configuration: Configuration,
  signal?: AbortSignal,
): Promise<{ file: string; cached: boolean; source: FusedSource }> {
  const source = fusedSource(configuration);
  return { ...(await compileUnit(source.text, signal)), source };
}
