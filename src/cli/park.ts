/** `clicklet park` and `clicklet wake`. */

import { Command } from 'commander';
import { done } from './output.ts';
import { withVm } from './vm-verbs.ts';

export function parkCommand(): Command {
  return new Command('park')
    .description(
      'give the memory of an idle virtual router back until a packet, a timer or a request needs it',
    )
    .argument('<names...>')
    .option('--json', 'print as JSON')
    .action(async (names: string[], o) => {
      for (const name of names) {
        await withVm(name, (vm) => vm.park());
        done(o, name, 'parked');
      }
    });
}

export function wakeCommand(): Command {
  return new Command('wake')
    .description('bring the memory of a parked virtual router back now')
    .argument('<names...>')
    .option('--json', 'print as JSON')
    .action(async (names: string[], o) => {
      for (const name of names) {
        await withVm(name, (vm) => vm.wake());
        done(o, name, 'woken');
      }
    });
}
