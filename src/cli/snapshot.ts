/** `clicklet snapshot`, `restore` and `clone`. */

import { Command } from 'commander';
import { cloneVm, type RestoreOptions, restoreVm } from '../vm/boot.ts';
import { booted, checkPort, collect, parseSeconds } from './boot.ts';
import { message, print } from './output.ts';
import { withVm } from './vm-verbs.ts';

export function snapshotCommand(): Command {
  return new Command('snapshot')
    .description('write the state of a virtual router to a file; it goes on')
    .argument('<name>')
    .argument('<file>')
    .option('--json', 'print as JSON')
    .action((name: string, file: string, o) =>
      withVm(name, async (vm) => {
        const { bytes, tookMs } = await vm.snapshot(file);
        if (o.json) print(`${JSON.stringify({ version: 1, name, file, bytes, tookMs })}\n`);
        else message(`${name}: ${file}, ${bytes} bytes; it stood still for ${tookMs.toFixed(1)} ms\n`);
      }),
    );
}

/** The options of both. */
function startOptions(command: Command): Command {
  return command
    .option(
      '--port <spec>',
      'port 0, 1, ...: tap:IFNAME, switch:NAME or vhost-user:SOCKET, with ,mac=...',
      collect,
      [],
    )
    .option('--cpu <n>', 'pin the virtual CPU to this CPU')
    .option('--park-after <seconds>', 'park it when it has done nothing for so long', parseSeconds)
    .option('-d, --detach', 'leave it running and return')
    .option('--profile', 'print the phases of the start')
    .option('--json', 'print what was started as JSON');
}

interface Given {
  name?: string;
  port: string[];
  cpu?: string;
  parkAfter?: number;
  detach?: boolean;
  profile?: boolean;
  json?: boolean;
}

const restoreOptions = (o: Given): RestoreOptions => ({
  ...(o.name === undefined ? {} : { name: o.name }),
  ...(o.port.length ? { ports: o.port.map(checkPort) } : {}),
  ...(o.cpu === undefined ? {} : { cpu: Number(o.cpu) }),
  ...(o.parkAfter === undefined ? {} : { parkAfterS: o.parkAfter }),
  detach: o.detach ?? false,
});

export function restoreCommand(): Command {
  return startOptions(
    new Command('restore')
      .description('start a virtual router where a snapshot left it')
      .argument('<file>')
      .option('--name <name>', 'name of the virtual router (default: as it was)'),
  ).action(async (file: string, o: Given) => booted(await restoreVm(file, restoreOptions(o)), o));
}

export function cloneCommand(): Command {
  return startOptions(
    new Command('clone')
      .description('start a second virtual router in the state of a running or paused one')
      .argument('<name>')
      .argument('<new>', 'name of the clone'),
  ).action(async (name: string, clone: string, o: Given) =>
    booted(await cloneVm(name, restoreOptions({ ...o, name: clone })), o),
  );
}
