/** Booting the routers of a topology under the KVM monitor: clicklet-spawn starts them, we write down what it says. */

import { spawn } from 'node:child_process';
import { closeSync, existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { HostError } from '../engine/native.ts';
import { packagePath } from '../engine/paths.ts';
import { monitorArguments } from '../vm/boot.ts';
import { openJournal } from '../vm/journal.ts';
import {
  type BootMs,
  claim,
  forget,
  logPath,
  planPath,
  processStart,
  save,
  type VmRecord,
} from '../vm/registry.ts';
import { monitorProgram } from '../vm/vmm.ts';
import type { TopologyRouter } from './load.ts';

const program = packagePath('build', 'clicklet-spawn');
const AT_ONCE_MAX = 64;

/** A line of clicklet-spawn. */
interface Line {
  job: number;
  pid?: number;
  error?: string;
  event?: { event: string; bootMs?: Pick<BootMs, 'monitor' | 'kernel' | 'configure'>; reason?: string };
  done?: true;
}

export interface BootManyOptions {
  topology: string;
  atOnce: number;
  /** The monitor's ports for a router. */
  attached: (router: TopologyRouter) => string[];
  /** In any order. `why` is undefined for one that runs. */
  onDone: (router: TopologyRouter, record: VmRecord, why: string | undefined) => void;
}

/** Boots them all and returns when the last one runs or has failed. Those that fail are forgotten. */
export async function bootMany(routers: readonly TopologyRouter[], o: BootManyOptions): Promise<void> {
  if (routers.length === 0) return;
  if (!existsSync(program)) throw new HostError("clicklet-spawn is not built: run 'npm run build:native'");
  const journal = openJournal();
  const child = spawn(program, [String(Math.min(o.atOnce, AT_ONCE_MAX))], {
    stdio: ['pipe', 'pipe', 'inherit', 'ignore', journal],
  });
  closeSync(journal);
  const [input, output] = [child.stdin!, child.stdout!];
  input.on('error', () => undefined); // it ended: the missing answers say so
  const records = routers.map((r) => recordOf(r, o.topology));
  const failed = new Map<number, string>();
  const ready = new Set<number>();
  const finish = (job: number) => {
    const why = ready.has(job) ? undefined : (failed.get(job) ?? 'it ended without a word');
    if (why !== undefined) forget(routers[job]!.name);
    o.onDone(routers[job]!, records[job]!, why);
  };
  let finished = 0;
  const lines = createInterface({ input: output });
  lines.on('line', (text) => {
    const { job, pid, error, event, done } = JSON.parse(text) as Line;
    const record = records[job]!;
    if (pid !== undefined) {
      record.pid = pid;
      record.pidStart = processStart(pid) ?? '';
      save(record);
    }
    if (error !== undefined) failed.set(job, error);
    if (event?.event === 'exit') failed.set(job, event.reason ?? '');
    if (event?.event === 'ready' && event.bootMs) {
      ready.add(job);
      record.bootMs = { ...event.bootMs, firstPacket: null, total: event.bootMs.configure };
      save(record);
    }
    if (!done && error === undefined) return;
    finished++;
    finish(job);
  });
  const closed = new Promise<void>((resolve) => lines.once('close', resolve));
  for (const router of routers) {
    claim(router.name);
    writeFileSync(planPath(router.name), router.configuration.plan);
    const words = [
      logPath(router.name),
      monitorProgram,
      ...monitorArguments(
        router.name,
        router.memBytes,
        {
          detach: true,
          ...(router.cpu !== undefined && { cpu: router.cpu }),
          ...(router.parkAfterS !== undefined && { parkAfterS: router.parkAfterS }),
        },
        o.attached(router),
      ),
    ];
    // What the pipe does not take now waits here; let go of the event loop now and then.
    if (!input.write(`${words.join('\0')}\0\0`)) await new Promise((resolve) => setImmediate(resolve));
  }
  input.end();
  await closed;
  if (finished < routers.length) throw new HostError('clicklet-spawn ended before its work was done');
}

function recordOf(router: TopologyRouter, topology: string): VmRecord {
  return {
    version: 1,
    name: router.name,
    pid: 0,
    pidStart: '',
    vmm: 'kvm',
    config: router.file,
    createdMs: Date.now(),
    memBytes: router.memBytes,
    ports: router.ports,
    bootMs: null,
    topology: { name: topology, digest: router.digest },
  };
}
