/** The verbs that act on one virtual router by its name: handler, swap, pause, resume, stats, stop, rm. */

import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { ChannelError } from '../control/channel.ts';
import { compilePlan, HandlerError } from '../engine/router.ts';
import { loadSwitch, removeSwitch } from '../topology/switches.ts';
import { Vm, VmError } from '../vm/boot.ts';
import { note, noteDeaths } from '../vm/journal.ts';
import { detachPorts } from '../vm/ports.ts';
import { endProcess, killStrays } from '../vm/process-end.ts';
import { alive, forget, load, vmFolder } from '../vm/registry.ts';
import { libraryResolver, readConfig, splitDefinitions } from './load.ts';
import { done, print, printBytes, report } from './output.ts';

export async function withVm<T>(name: string, body: (vm: Vm) => Promise<T>): Promise<T> {
  const vm = await Vm.open(name);
  try {
    return await body(vm);
  } finally {
    vm.close();
  }
}

export function handlerCommand(): Command {
  return new Command('handler')
    .description("read a virtual router's handler, or write VALUE to it")
    .argument('<name>')
    .argument('<handler>', 'ELEMENT.HANDLER')
    .argument('[value]')
    .option('--json', 'print as JSON')
    .action((name: string, handler: string, value: string | undefined, o) =>
      withVm(name, async (vm) => {
        try {
          if (value === undefined) {
            if (o.json) {
              print(`${JSON.stringify({ version: 1, handler, value: await vm.read(handler) })}\n`);
              return;
            }
            const text = await vm.read(Buffer.from(handler).toString('latin1'), '', 'latin1');
            printBytes(text.endsWith('\n') || !text ? text : `${text}\n`);
          } else {
            await vm.write(handler, value);
            if (o.json) print(`${JSON.stringify({ version: 1, handler, written: value })}\n`);
          }
        } catch (e) {
          if (e instanceof ChannelError && e.messages.length)
            throw new HandlerError(e.messages.map((m) => m.message).join('\n'));
          throw e;
        }
      }),
    );
}

export function swapCommand(): Command {
  return new Command('swap')
    .description('give a running virtual router another configuration; a bad one changes nothing')
    .argument('<name>')
    .argument('<file>', 'configuration file (- for standard input)')
    .argument('[definitions...]', 'NAME=value')
    .option('--json', 'print as JSON')
    .action((name: string, file: string, words: string[], o) =>
      withVm(name, async (vm) => {
        const config = readConfig(file);
        const { variables } = splitDefinitions(words);
        const compiled = compilePlan(config.text, config.file, {
          variables,
          resolveLibrary: libraryResolver(),
          target: 'guest',
        });
        report(compiled.warnings);
        await vm.swap(compiled, config.file);
        report(vm.warnings);
        done(o, name, 'swapped');
      }),
    );
}

export function statsCommand(): Command {
  return new Command('stats')
    .description("print a virtual router's counters")
    .argument('<name>')
    .option('--json', 'print as JSON')
    .action((name: string, o) =>
      withVm(name, async (vm) => {
        const all = { version: 1, guest: await vm.stats(), monitor: (await vm.monitorStats()) ?? null };
        if (o.json) {
          print(`${JSON.stringify(all, null, 2)}\n`);
          return;
        }
        const g = all.guest;
        print(
          `uptime ${(g.uptimeNs / 1e9).toFixed(1)} s, memory ${g.memoryBytes - g.memoryFree} of ${g.memoryBytes} bytes used, ` +
            `packets ${g.poolTotal - g.poolFree} of ${g.poolTotal} in use, ${g.poolFailures} allocations failed\n`,
        );
        for (const [i, p] of g.ports.entries())
          print(
            `port ${i} ${p.mac} ${p.link ? 'up' : 'down'}: received ${p.rxPackets} packets ${p.rxBytes} bytes ${p.rxDropped} dropped, ` +
              `sent ${p.txPackets} packets ${p.txBytes} bytes ${p.txDropped} dropped\n`,
          );
      }),
    );
}

export function pauseCommand(): Command {
  return new Command('pause')
    .description('let a virtual router stand still')
    .argument('<name>')
    .option('--json', 'print as JSON')
    .action(async (name: string, o) => {
      await withVm(name, (vm) => vm.pause());
      done(o, name, 'paused');
    });
}

export function resumeCommand(): Command {
  return new Command('resume')
    .description('let a paused virtual router go on')
    .argument('<name>')
    .option('--json', 'print as JSON')
    .action(async (name: string, o) => {
      await withVm(name, (vm) => vm.resume());
      done(o, name, 'resumed');
    });
}

export function stopCommand(): Command {
  return new Command('stop')
    .description('stop virtual routers')
    .argument('<names...>')
    .option('--json', 'print as JSON')
    .action(async (names: string[], o) => {
      for (const name of names) {
        const record = load(name);
        if (!record) throw new VmError(`there is no virtual router '${name}'`, 1);
        if (!alive(record)) continue;
        const vm = await Vm.open(name).catch(() => undefined);
        if (vm) await vm.stop();
        else await endProcess(record);
        done(o, name, 'stopped');
      }
    });
}

export function rmCommand(): Command {
  return new Command('rm')
    .description('remove stopped virtual routers')
    .argument('<names...>')
    .option('-f, --force', 'stop them first; be silent about those that do not exist')
    .option('--json', 'print as JSON')
    .action(async (names: string[], o) => {
      noteDeaths();
      for (const name of names) {
        const record = load(name);
        if (!existsSync(vmFolder(name))) {
          if (o.force) continue;
          throw new VmError(`there is no virtual router '${name}'`, 1);
        }
        if (record && alive(record) && !o.force)
          throw new VmError(`'${name}' is running: stop it first, or use rm -f`, 1);
        if (loadSwitch(name)) {
          await removeSwitch(name);
          continue;
        }
        if (record && alive(record)) {
          const vm = await Vm.open(name).catch(() => undefined);
          if (vm) await vm.stop();
          else await endProcess(record);
        } else if (!record) {
          await killStrays(new Set([name])); // its boot was killed
        }
        await detachPorts(name, record?.ports ?? []);
        forget(name);
        note(name, 'removed');
        done(o, name, 'removed');
      }
    });
}
