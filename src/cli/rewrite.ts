/** What the verbs have in common that turn a configuration into another: how they read it and what they print. */

import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import type { FlatGraph } from '../graph/flat-graph.ts';
import { printFlat } from '../graph/print-flat.ts';
import { splitDefinitions } from './load.ts';
import { CliError, EXIT, writeAll } from './output.ts';
import { type ArchiveMember, newMember, writeArchive } from './tools/archive.ts';
import { readRouter } from './tools/read.ts';
import { type FlatRouter, flattenText } from './tools/tool.ts';

export interface OutputOptions {
  json?: boolean;
  output?: string;
}

/** A verb that takes a configuration file and `NAME=value` words. */
export function fileVerb(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument('<file>', 'configuration file (- for standard input)')
    .argument('[definitions...]', 'NAME=value')
    .option('-o, --output <file>', 'write to a file instead of standard output');
}

/** The variables among a command line's words; anything else is an error of usage. */
export function definitionsOnly(words: readonly string[]): Record<string, string> {
  const { variables, rest } = splitDefinitions(words);
  if (rest.length) throw new CliError(`'${rest[0]}' is not NAME=value`, EXIT.usage);
  return variables;
}

/** Read and flatten a configuration, variables left as they are written; an archive is taken apart. */
export function readFlatFile(file: string, variables: Record<string, string> = {}): FlatRouter {
  return flattenText(readRouter({ file }), { variables, clickPath: undefined });
}

/** Elements and connections as data. */
export function graphJson(graph: FlatGraph) {
  const elements = graph.elements.map((e) => ({
    name: e.name,
    class: e.className,
    args: e.args.map((a) => a.text),
    landmark: e.landmark,
  }));
  const connections = graph.connections.map((c) => ({
    from: graph.elements[c.from]!.name,
    fromPort: c.fromPort,
    to: graph.elements[c.to]!.name,
    toPort: c.toPort,
  }));
  return { elements, connections };
}

/** Write text or bytes where `--output` says. */
export function writeTo(output: string | undefined, data: string | Uint8Array): void {
  if (output === undefined || output === '-') writeAll(1, data);
  else writeFileSync(output, data);
}

/** Write a verb's resulting configuration; in an archive if it has more to carry than its text. */
export function writeGraph(
  graph: FlatGraph,
  options: OutputOptions,
  extra: { archive?: readonly ArchiveMember[]; json?: Record<string, unknown> } = {},
): void {
  const configuration = printFlat(graph, { definitions: true });
  if (options.json) {
    const data = { version: 1, ...extra.json, ...graphJson(graph), configuration };
    writeTo(options.output, `${JSON.stringify(data, null, 2)}\n`);
    return;
  }
  const others = (extra.archive ?? []).filter(({ name }) => name !== 'config');
  if (others.length === 0) writeTo(options.output, configuration);
  else writeTo(options.output, writeArchive([newMember('config', configuration, 0o644), ...others]));
}

/** `--json` of verbs that make text: the option, and its wording. */
export const JSON_OPTION = ['--json', 'print elements, connections and configuration as JSON'] as const;
