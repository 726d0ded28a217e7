/** `clicklet fuse FILE`: a configuration as one C file, or compiled; and what became of each connection. */

import { copyFileSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { compileUnit } from '../engine/fuse/compiler.ts';
import { explainEdges, fusedSource } from '../engine/fuse/index.ts';
import { compilePlan } from '../engine/router.ts';
import { libraryResolver, readConfig, splitDefinitions } from './load.ts';
import { CliError, EXIT, message, print } from './output.ts';
import { threadCount } from './run-router.ts';
import { plainTable } from './table.ts';

export function fuseVerb(): Command {
  return new Command('fuse')
    .description('compile a configuration to native code: show the C, write a library, or explain')
    .argument('[words...]', 'configuration file (- for standard input) and NAME=value definitions')
    .option('-e, --expression <expr>', 'use EXPR as the configuration')
    .option('-o, --output <file>', 'write C (name.c, - for standard output) or a library to load (name.so)')
    .option('--threads <n>', 'the configuration is to run on so many engine threads')
    .option('--thread <k>', 'what this one of them runs', '0')
    .option('--explain', 'say for each connection how packets travel along it, and why')
    .option('--json', 'the same as JSON')
    .action(async (words: string[], o) => {
      const { variables, rest } = splitDefinitions(words);
      if (rest.length + (o.expression === undefined ? 0 : 1) !== 1)
        throw new CliError('give one configuration file, or one expression with -e', EXIT.usage);
      if (o.output !== undefined && o.output !== '-' && !/\.(c|so)$/.test(o.output))
        throw new CliError(
          `cannot tell what '${o.output}' is to be: expected a name ending in .c or .so`,
          EXIT.usage,
        );
      const { text, file } =
        o.expression === undefined ? readConfig(rest[0]!) : { text: o.expression as string, file: 'config' };
      const threads = o.threads ? threadCount(o.threads, '--threads') : 1;
      const thread = Number(o.thread);
      if (!(Number.isInteger(thread) && thread >= 0 && thread < threads))
        throw new CliError(`'--thread' expects 0 to ${threads - 1}, not '${o.thread}'`, EXIT.usage);
      const configuration = compilePlan(text, file, {
        variables,
        resolveLibrary: libraryResolver(),
        threads,
      });
      const source = fusedSource(configuration, thread);
      const edges = explainEdges(configuration, source);
      if (o.output === '-' || (o.output === undefined && !o.explain && !o.json)) print(source.text);
      else if (o.output?.endsWith('.c')) writeFileSync(o.output, source.text);
      const started = performance.now();
      const compiled = o.output?.endsWith('.so') ? await compileUnit(source.text) : undefined;
      if (compiled) {
        copyFileSync(compiled.file, o.output);
        const how = compiled.cached
          ? 'from the cache'
          : `compiled in ${((performance.now() - started) / 1e3).toFixed(1)} s`;
        message(`${o.output}: ${how}\n`);
      }
      const rare = source.rare.map((i) => configuration.graph.elements[i]!.name);
      const count = (kind: string) => edges.filter((e) => e.kind === kind).length;
      if (o.json) {
        const counts = { inlined: count('inlined'), call: count('call'), indirect: count('indirect') };
        print(
          `${JSON.stringify({ version: 1, config: file, ...(threads > 1 && { threads, thread }), connections: counts, edges, rare, ...(compiled && { cached: compiled.cached }) }, null, 2)}\n`,
        );
      } else if (o.explain) {
        const rows = edges.map((e) => [`${e.from} [${e.fromPort}]`, `[${e.toPort}] ${e.to}`, e.kind, e.why]);
        print(plainTable(['from', 'to', 'how', 'why not inlined'], rows));
        message(
          `${count('inlined')} inlined, ${count('call')} direct calls, ${count('indirect')} indirect\n`,
        );
        const classes = new Set(source.rare.map((i) => configuration.graph.elements[i]!.className));
        if (classes.size)
          message(
            `what is rare goes on by the dynamic engine (ACTION_RARE in the sources of ${[...classes].join(', ')})\n`,
          );
      }
    });
}
