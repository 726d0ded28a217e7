/** `clicklet console`: a control session with a virtual router, for people and for scripts. */

import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { ControlSession } from '../control/session.ts';
import type { Vm } from '../vm/vm.ts';
import { LogReader } from './log-reader.ts';
import { EXIT, message, print, printBytes, writeAll } from './output.ts';
import { withVm } from './vm-verbs.ts';

/** Prints what the router writes to its console from now on, to standard error. Returns how to end it. */
function followLog(name: string): () => void {
  const log = new LogReader(name, true);
  const timer = setInterval(() => writeAll(2, log.read()), 100);
  return () => clearInterval(timer);
}

/** On a terminal: a prompt, and what the router writes in between. */
async function interactive(vm: Vm, session: ControlSession): Promise<void> {
  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: `${vm.name}> ` });
  const unfollow = followLog(vm.name);
  lines.prompt();
  for await (const line of lines) {
    const text = (await session.feed(Buffer.from(`${line}\n`))).replaceAll('\r\n', '\n');
    printBytes(text && !text.endsWith('\n') ? `${text}\n` : text);
    if (session.ended) break;
    lines.prompt();
  }
  unfollow();
  lines.close();
}

/** Commands in, answers out, byte for byte ControlSocket's protocol. */
async function piped(session: ControlSession): Promise<void> {
  print(ControlSession.greeting);
  for await (const data of process.stdin) {
    printBytes(await session.feed(data as Buffer));
    if (session.ended) return;
  }
  printBytes(await session.feed(new Uint8Array(), true));
}

export function consoleCommand(): Command {
  return new Command('console')
    .description(
      "talk to a virtual router: ControlSocket's commands (HELP lists them), from a terminal or a pipe",
    )
    .argument('<name>')
    .action((name: string) =>
      withVm(name, async (vm) => {
        const session = new ControlSession({
          read: (handler, parameter) => vm.read(handler, parameter, 'latin1'),
          write: (handler, value) => vm.write(handler, value, 'latin1'),
        });
        if (process.stdin.isTTY && process.stdout.isTTY) {
          message(`${name}: READ and WRITE handlers, HELP for more, QUIT or Ctrl-D to leave\n`);
          await interactive(vm, session);
        } else {
          await piped(session);
          if (session.failed) process.exitCode = EXIT.input;
        }
      }),
    );
}
