/** `clicklet run FILE`: a router in this process. */

import { Command } from 'commander';
import { readConfig, splitDefinitions } from './load.ts';
import { CliError, EXIT } from './output.ts';
import { runRouter, threadCount } from './run-router.ts';

const collect = (value: string, list: string[]) => [...list, value];

export function runVerb(): Command {
  return new Command('run')
    .description('run a router in this process')
    .argument('[words...]', 'configuration file (- for standard input) and NAME=value definitions')
    .option('-e, --expression <expr>', 'use EXPR as the configuration')
    .option('--engine <engine>', 'auto, dynamic or fused', 'auto')
    .option(
      '--port <spec>',
      'device for port 0, 1, ...: tap:NAME, vhost-user:SOCKET or an interface',
      collect,
      [],
    )
    .option('--handler <handler>', "print ELEMENT.HANDLER's value when the router stops", collect, [])
    .option('--simtime', 'run in simulated time')
    .option('--batch <packets>', 'packets moved in one go, 1 to 64')
    .option(
      '--threads <n>',
      'engine threads, 1 to 16; tasks that no StaticThreadSched names are dealt out to them',
    )
    .option('--cpu <cpu>', "pin the engine's thread to this CPU, and further threads to the next ones")
    .action(async (words: string[], o) => {
      const { variables, rest } = splitDefinitions(words);
      if (rest.length + (o.expression === undefined ? 0 : 1) !== 1)
        throw new CliError('give one configuration file, or one expression with -e', EXIT.usage);
      if (!['auto', 'dynamic', 'fused'].includes(o.engine))
        throw new CliError(`unknown engine '${o.engine}': expected auto, dynamic or fused`, EXIT.usage);
      const config =
        o.expression === undefined ? readConfig(rest[0]!) : { text: o.expression as string, file: 'config' };
      process.exitCode = await runRouter(config, {
        variables,
        engine: o.engine,
        handlers: o.handler,
        simulatedTime: o.simtime ?? false,
        ...(o.batch ? { batch: Number(o.batch) } : {}),
        ...(o.threads ? { threads: threadCount(o.threads, '--threads') } : {}),
        ...(o.cpu ? { cpu: Number(o.cpu) } : {}),
        ...(o.port.length ? { ports: o.port } : {}),
      });
    });
}
