/** `clicklet logs`: what virtual routers wrote to their consoles. */

import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { findTopology, membersOf } from '../topology/state.ts';
import { alive, load, logPath, vmFolder } from '../vm/registry.ts';
import { LogReader } from './log-reader.ts';
import { CliError, print, writeAll } from './output.ts';

const LOOK_MS = 100;

/** Shows one log, if need be with a prefix before each line. */
class Follower {
  readonly name: string;
  readonly #prefix: string;
  readonly #log: LogReader;
  /** The start of a line whose end is not written yet; only where lines get a prefix. */
  #rest = Buffer.alloc(0);

  constructor(name: string, prefix: string) {
    this.name = name;
    this.#prefix = prefix;
    this.#log = new LogReader(name);
  }

  show(last: boolean): void {
    const bytes = this.#log.read();
    if (!this.#prefix) {
      writeAll(1, bytes);
      return;
    }
    const all = Buffer.concat([this.#rest, bytes]);
    const end = last ? all.length : all.lastIndexOf(10) + 1;
    this.#rest = all.subarray(end);
    const text = all.subarray(0, end).toString().replace(/\n$/, '');
    if (end) print(text.replace(/^/gm, this.#prefix).concat('\n'));
  }

  /** Is there anybody who may write more? */
  get active(): boolean {
    const record = load(this.name);
    return existsSync(vmFolder(this.name)) && (!record || alive(record));
  }
}

export function logsCommand(): Command {
  return new Command('logs')
    .description('print what virtual routers wrote to their consoles')
    .argument('<name>', 'a virtual router or switch, or a topology: its file or name')
    .option('-f, --follow', 'go on as they write')
    .action(async (name: string, o) => {
      const one = existsSync(logPath(name));
      if (!one && !findTopology(name)) throw new CliError(`there is no virtual router '${name}'`);
      const names = one ? [name] : [...membersOf(name)];
      const width = Math.max(...names.map((n) => n.length));
      const followers = names.map((n) => new Follower(n, one ? '' : `${n.padEnd(width)} | `));
      for (;;) {
        const active = o.follow ? followers.filter((f) => f.active) : [];
        for (const f of followers) f.show(!active.includes(f));
        if (active.length === 0) return;
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    });
}
