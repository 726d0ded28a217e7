/** `click`: the reference's user-level driver, by its options. */

import { Command } from 'commander';
import { version } from '../engine/paths.ts';
import { readConfig, splitDefinitions } from './load.ts';
import { CliError, EXIT, runCommand } from './output.ts';
import { runRouter } from './run-router.ts';

const collect = (value: string, list: string[]) => [...list, value];

interface ClickOptions {
  file?: string;
  expression?: string;
  handler: string[];
  exitHandler?: string;
  output?: string;
  quit?: boolean;
  time?: boolean;
  warnings: boolean;
  clickpath?: string;
  simtime?: string | boolean;
  batch?: string;
  netdev: string[];
  planOnly?: string;
}

const program = new Command('click')
  .description('Run a Click router configuration in this process')
  .argument('[words...]', 'configuration file and NAME=value definitions')
  .helpOption('--help', 'print this help')
  .option('-f, --file <file>', 'read the configuration from FILE (- for standard input)')
  .option('-e, --expression <expr>', 'use EXPR as the configuration')
  .option('-h, --handler <handler>', "print ELEMENT.HANDLER's value when the driver stops", collect, [])
  .option('-x, --exit-handler <handler>', 'use the value of HANDLER as the exit status')
  .option('-o, --output <file>', 'write handler values to FILE')
  .option('-q, --quit', 'initialise, print handlers, do not run')
  .option('-t, --time', 'print how long the driver ran')
  .option('-w, --no-warnings', 'do not print warnings')
  .option('-C, --clickpath <path>', 'search libraries in PATH')
  .option('--simtime [time]', 'run in simulated time')
  .option('--batch <packets>', 'packets moved in one go (1: in the exact order of the reference)')
  .option('--netdev <spec>', 'device for the port names 0, 1, ...: tap:NAME, vhost-user:SOCKET', collect, [])
  .option('--plan-only <file>', 'write the binary plan and stop')
  .version(version, '-v, --version');

program.exitOverride();

await runCommand('click', async () => {
  try {
    // --simtime takes its value only behind '=': the word after it is the configuration's file.
    program.parse(process.argv.map((a) => (a === '--simtime' ? '--simtime=' : a)));
  } catch (e) {
    const code = (e as { exitCode?: number }).exitCode;
    return code === 0 ? EXIT.ok : EXIT.usage;
  }
  const o = program.opts<ClickOptions>();
  const { variables, rest } = splitDefinitions(program.args);
  const sources = [...rest, ...(o.file === undefined ? [] : [o.file])];
  if (sources.length + (o.expression === undefined ? 0 : 1) > 1)
    throw new CliError('only one configuration can be given', EXIT.usage);
  const config =
    o.expression === undefined ? readConfig(sources[0] ?? '-') : { text: o.expression, file: 'config' };
  if (sources[0] === undefined && o.expression === undefined && process.stdin.isTTY)
    throw new CliError('no configuration given: name a file or use -e', EXIT.usage);
  return runRouter(config, {
    variables,
    handlers: o.handler,
    ...(o.exitHandler ? { exitHandler: o.exitHandler } : {}),
    ...(o.output ? { output: o.output } : {}),
    quit: o.quit ?? false,
    time: o.time ?? false,
    warnings: o.warnings,
    simulatedTime: o.simtime !== undefined && o.simtime !== false,
    ...(o.clickpath ? { clickPath: o.clickpath } : {}),
    ...(o.batch ? { batch: Number(o.batch) } : {}),
    ...(o.netdev.length ? { ports: o.netdev } : {}),
    ...(o.planOnly ? { planOnly: o.planOnly } : {}),
  });
});
