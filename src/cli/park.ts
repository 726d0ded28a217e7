/** `clicklet park` and `clicklet wake`. */

import { Command } from 'commander';
import { withVm } from './vm-verbs.ts';

export function parkCommand(): Command {
  return new Command('park')
    .description(
      'give the memory of an idle virtual router back until a packet, a timer or a request needs it',
    )
    .argument('<names...>')
    .action(async (names: string[]) => {
      for (const name of names) await withVm(name, (vm) => vm.park());
    });
}

export function wakeCommand(): Command {
  return new Command('wake')
    .description('bring the memory of a parked virtual router back now')
    .argument('<names...>')
    .action(async (names: string[]) => {
      for (const name of names) await withVm(name, (vm) => vm.wake());
    });
}
