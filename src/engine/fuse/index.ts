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

/** Compiles a configuration's unit; the file is in the cache and stays there. Throws HostError without a compiler. */
export async function fuseUnit(
  configuration: Configuration,
  signal?: AbortSignal,
): Promise<{ file: string; cached: boolean; source: FusedSource }> {
  const source = fusedSource(configuration);
  return { ...(await compileUnit(source.text, signal)), source };
}
