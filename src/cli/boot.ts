/** `clicklet boot FILE`: a configuration as a virtual router. */

import { existsSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { imagePlan } from '../engine/fuse/image.ts';
import { type Configuration, compilePlan } from '../engine/router.ts';
import { bootVm, DEFAULT_MEMORY, type Vm } from '../vm/boot.ts';
import { detachPorts, portProblem } from '../vm/ports.ts';
import { endProcess } from '../vm/process-end.ts';
import { forget } from '../vm/registry.ts';
import { readSize } from '../vm/size.ts';
import type { VmmChoice } from '../vm/vmm.ts';
import { libraryResolver, readConfig, splitDefinitions } from './load.ts';
import { LogReader } from './log-reader.ts';
import { CliError, EXIT, message, print, report, writeAll } from './output.ts';

export const collect = (value: string, list: string[]) => [...list, value];

/** `5M`, `4096K`, `1G` or bytes. */
export function parseSize(text: string): number {
  const size = readSize(text);
  if (!size) throw new CliError(`'${text}' is not a memory size: expected 1M or more, as 5M`, EXIT.usage);
  return size;
}

/** Check `KIND:ARG`. */
export function checkPort(spec: string): string {
  const problem = portProblem(spec);
  if (problem) throw new CliError(problem, EXIT.usage);
  return spec;
}

/** A whole number of seconds, 1 to 2^30. */
export function parseSeconds(text: string): number {
  const n = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (n < 1 || n >= 2 ** 30)
    throw new CliError(`'${text}' is not a time: expected seconds, 1 or more`, EXIT.usage);
  return n;
}

/** One line of boot phases. */
export function phaseLine(vm: Vm): string {
  const b = vm.bootMs;
  if (!b) return '';
  const ms = (x: number | null) => (x === null ? '-' : `${x.toFixed(2)} ms`);
  return `boot: monitor ${ms(b.monitor)}, kernel ${ms(b.kernel)}, configured ${ms(b.configure)}, first packet ${ms(b.firstPacket)}\n`;
}

export function bootCommand(): Command {
  return new Command('boot')
    .description('boot a configuration as a virtual router')
    .argument('<file>', 'configuration file (- for standard input), or an image from clicklet build')
    .argument('[definitions...]', 'NAME=value')
    .option('--name <name>', 'name of the virtual router (default: r1, r2, ...)')
    .option('--mem <size>', 'guest memory', '5M')
    .option('--vmm <vmm>', 'auto, kvm or qemu', 'auto')
    .option(
      '--port <spec>',
      'port 0, 1, ...: tap:IFNAME, vhost-user:SOCKET or switch:NAME[,vlan=N|trunk], with ,mac=XX:XX:XX:XX:XX:XX',
      collect,
      [],
    )
    .option('--cpu <n>', 'pin the virtual CPU to this CPU')
    .option('--park-after <seconds>', 'park it when it has done nothing for so long', parseSeconds)
    .option('-d, --detach', 'leave it running and return')
    .option('--profile', 'print the phases of the boot')
    .option('--json', 'print what was booted as JSON')
    .action(async (file: string, words: string[], o) => {
      if (!['auto', 'kvm', 'qemu'].includes(o.vmm))
        throw new CliError(`unknown --vmm '${o.vmm}': expected auto, kvm or qemu`, EXIT.usage);
      const memBytes = o.mem ? parseSize(o.mem) : DEFAULT_MEMORY;
      const ports = (o.port as string[]).map(checkPort);
      const image = readImage(file);
      const { variables, rest } = splitDefinitions(words);
      if (rest.length) throw new CliError(`unexpected '${rest[0]}': expected NAME=value`, EXIT.usage);
      if (image && Object.keys(variables).length)
        throw new CliError('an image is built already: give the definitions to clicklet build', EXIT.usage);
      const router = image ?? compileRouter(file, variables);
      const vm = await bootVm({
        ...(o.name ? { name: o.name } : {}),
        ...router,
        memBytes,
        vmm: o.vmm as VmmChoice,
        ports,
        ...(o.cpu === undefined ? {} : { cpu: Number(o.cpu) }),
        ...(o.parkAfter === undefined ? {} : { parkAfterS: o.parkAfter as number }),
        detach: o.detach ?? false,
      });
      report(vm.warnings);
      await booted(vm, o);
    });
}

/** What a file that `clicklet build` made says of itself; undefined for other files. */
function readImage(file: string): { image: string; restoredPlan: Buffer; file: string } | undefined {
  if (file === '-' || !existsSync(file) || !statSync(file).isFile()) return undefined;
  const bytes = readFileSync(file);
  const restoredPlan = imagePlan(bytes);
  if (!restoredPlan && bytes.toString('latin1', 0, 4) === '\x7fELF')
    throw new CliError(`${file}: an ELF file, but not an image from clicklet build`);
  return restoredPlan && { image: resolve(file), restoredPlan, file };
}

function compileRouter(
  file: string,
  variables: Record<string, string>,
): { configuration: Configuration; file: string } {
  const config = readConfig(file);
  const resolveLibrary = libraryResolver();
  const configuration = compilePlan(config.text, config.file, { variables, resolveLibrary, target: 'guest' });
  report(configuration.warnings);
  return { configuration, file: config.file };
}

/** Says what was started; stays with it unless it is to run on its own. */
export async function booted(
  vm: Vm,
  o: { json?: boolean; profile?: boolean; detach?: boolean },
): Promise<void> {
  if (o.json) {
    const { name, vmm, record, bootMs, memory } = vm;
    print(
      `${JSON.stringify({ version: 1, name, vmm, vmmReason: vm.vmmReason, pid: record.pid, memory, bootMs }, null, 2)}\n`,
    );
  } else {
    message(`${vm.name}: ${vm.vmmReason}\n`);
    if (o.profile) message(phaseLine(vm));
    if (o.detach) print(`${vm.name}\n`);
  }
  if (o.detach) vm.close();
  else await attached(vm);
}

/** Show the guest's console until it ends or the user interrupts. */
async function attached(vm: Vm): Promise<void> {
  const stop = () => void vm.stop();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const log = new LogReader(vm.name);
  const show = () => writeAll(1, log.read());
  const timer = setInterval(show, 100);
  const status = await vm.exited;
  clearInterval(timer);
  show();
  await endProcess(vm.record);
  await detachPorts(vm.name, vm.record.ports);
  forget(vm.name);
  process.exitCode = status === 0 ? EXIT.ok : (status ?? EXIT.ok);
}
