/** `clicklet down`: remove all of a topology. */

import { Command } from 'commander';
import { down } from '../topology/down.ts';
import { findTopology } from '../topology/state.ts';
import { message, print } from './output.ts';
import { counter, DEFAULT_TOPOLOGY } from './up.ts';

export function downCommand(): Command {
  return new Command('down')
    .description('remove a topology: its routers, links, switches and the TAPs it made')
    .argument('[file]', 'topology file, or its name; the file may be gone', DEFAULT_TOPOLOGY)
    .option('--json', 'print what was removed as JSON')
    .action(async (file: string, o) => {
      const state = findTopology(file);
      const result = state && (await down(state.name, counter('ended', o.json)));
      if (o.json)
        print(
          `${JSON.stringify({ version: 1, topology: state?.name ?? null, routers: [], switches: [], taps: [], ...result }, null, 2)}\n`,
        );
      else if (!result) message(`nothing of ${file} is up\n`);
      else
        message(
          `${state.name}: removed ${result.routers.length} routers, ${result.switches.length} switches and links\n`,
        );
    });
}
