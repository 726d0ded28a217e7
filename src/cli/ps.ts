/** `clicklet ps`: the virtual routers of this machine. */

import { Command } from 'commander';
import { eachOf } from '../topology/pool.ts';
import { membersOf } from '../topology/state.ts';
import { Vm } from '../vm/boot.ts';
import { noteDeaths } from '../vm/journal.ts';
import { parsePort } from '../vm/ports.ts';
import { alive, list, processMemory, type VmRecord } from '../vm/registry.ts';
import { print } from './output.ts';
import { plainTable } from './table.ts';

interface MonitorStats {
  state: 'running' | 'paused' | 'parked' | 'exited';
  ports: { mac: string }[];
}

/** One virtual router as `ps --json` shows it. */
async function describe(r: VmRecord) {
  const running = alive(r);
  const vm = running ? await Vm.open(r.name).catch(() => undefined) : undefined;
  const monitor = (await vm?.monitorStats().catch(() => undefined)) as MonitorStats | undefined;
  const runs = !monitor || monitor.state === 'running'; // what is parked stays parked
  const stats = runs ? await vm?.stats().catch(() => undefined) : undefined;
  vm?.close();
  return {
    name: r.name,
    state: !running ? 'exited' : (monitor?.state ?? (stats || !vm ? 'running' : 'paused')),
    pid: r.pid,
    vmm: r.vmm,
    config: r.config,
    uptimeMs: running ? Date.now() - r.createdMs : 0,
    memory: { guestBytes: r.memBytes, ...processMemory(r.pid) },
    ports: r.ports.map((port, index) => {
      const { kind, arg, mac } = parsePort(port);
      const p = stats?.ports[index];
      return {
        index,
        kind,
        arg,
        mac: p?.mac ?? monitor?.ports[index]?.mac ?? mac ?? null,
        rxPackets: p?.rxPackets ?? 0,
        txPackets: p?.txPackets ?? 0,
      };
    }),
  };
}

const SHOWN = 4;

function portList(ports: { kind: string; arg: string }[]): string {
  const all = ports.map((p) => `${p.kind}:${p.arg}`);
  const rest = all.length > SHOWN + 1 ? [`and ${all.length - SHOWN} more`] : all.slice(SHOWN);
  return [...all.slice(0, SHOWN), ...rest].join(' ') || '-';
}

export function psCommand(): Command {
  return new Command('ps')
    .description('list the virtual routers and host switches of this machine')
    .argument('[topology]', 'only those of a topology: its file or name')
    .option('--json', 'print as JSON')
    .action(async (topology: string | undefined, o) => {
      noteDeaths();
      const wanted = topology === undefined ? undefined : membersOf(topology);
      const records = list().filter((r) => !wanted || wanted.has(r.name));
      const all: Awaited<ReturnType<typeof describe>>[] = [];
      await eachOf(records, 32, async (r, i) => {
        all[i] = await describe(r);
      });
      if (o.json) {
        print(`${JSON.stringify(all, null, 2)}\n`);
        return;
      }
      const mb = (n: number) => `${(n / 2 ** 20).toFixed(1)}M`;
      const rows = all.map((r) => [
        r.name,
        r.state,
        r.pid,
        r.vmm,
        `${(r.uptimeMs / 1000).toFixed(0)}s`,
        mb(r.memory.guestBytes),
        mb(r.memory.residentBytes),
        mb(r.memory.privateBytes),
        portList(r.ports),
        r.config,
      ]);
      const head = [
        'NAME',
        'STATE',
        'PID',
        'VMM',
        'UPTIME',
        'GUEST',
        'RESIDENT',
        'PRIVATE',
        'PORTS',
        'CONFIG',
      ];
      print(plainTable(head, rows));
    });
}
