/** Routers in processes of their own, outside of virtual machines: what host switches are. */

import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Channel } from '../control/channel.ts';
import { HostError } from '../engine/native.ts';
import { packagePath } from '../engine/paths.ts';
import { controlPath, logPath, processStart, save, type VmRecord, vmFolder } from './registry.ts';

const program = packagePath('build', 'clicklet-engine');
const START_MS = 10_000;

export interface ProcessRouter {
  name: string;
  plan: Uint8Array;
  /** Its configuration's file, for `ps`. */
  file: string;
  /** Device specs of the port names `0`, `1`, ... */
  devices?: readonly string[];
  /** What `ps` shows of its ports. */
  ports: string[];
}

/** Start it in its folder, which is claimed already, and wait until it runs. It outlives this process. */
export async function startProcessRouter(router: ProcessRouter): Promise<VmRecord> {
  const { name, plan, file, ports } = router;
  if (!existsSync(program)) throw new HostError("the engine is not built: run 'npm run build:native'");
  const planFile = join(vmFolder(name), 'plan');
  writeFileSync(planFile, plan);
  const log = openSync(logPath(name), 'a');
  const devices = (router.devices ?? []).flatMap((d) => ['--port', d]);
  const child = spawn(program, ['--control', controlPath(name), ...devices, planFile], {
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  const ended = new AbortController();
  child.once('exit', () => ended.abort());
  child.once('error', () => ended.abort());
  try {
    const channel = await Channel.connect(controlPath(name), START_MS, ended.signal);
    await channel.boot(START_MS);
    channel.close();
  } catch (e) {
    child.kill('SIGKILL');
    const said = readFileSync(logPath(name), 'utf8').trim().split('\n').slice(-3).join('\n');
    throw new HostError(`'${name}' does not start: ${said || (e as Error).message}`);
  }
  child.unref();
  const record: VmRecord = {
    version: 1,
    name,
    pid: child.pid!,
    pidStart: processStart(child.pid!) ?? '',
    vmm: 'process',
    config: file,
    createdMs: Date.now(),
    memBytes: 0,
    ports,
    bootMs: null,
  };
  save(record);
  return record;
}
