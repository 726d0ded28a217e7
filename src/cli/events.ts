/** `clicklet events`: what happened to the virtual routers of this machine. */

import { Command } from 'commander';
import { type JournalEvent, noteDeaths, readJournal } from '../vm/journal.ts';
import { print } from './output.ts';

/** One line for people. */
function line({ time, name, event, ...more }: JournalEvent): string {
  const text = (v: unknown) => (typeof v === 'string' ? v : JSON.stringify(v));
  const members = Object.entries(more).map(([k, v]) => `${k}=${text(v)}`);
  return `${[new Date(time).toISOString(), name, event, ...members].join(' ')}\n`;
}

export function eventsCommand(): Command {
  return new Command('events')
    .description('print what happened to virtual routers: started, parked, crashed, ...')
    .argument('[name]', 'only this one')
    .option('-f, --follow', 'go on as things happen')
    .option('--json', 'print as JSON, one object a line')
    .action(async (name: string | undefined, o) => {
      let at = 0;
      for (;;) {
        noteDeaths();
        const more = readJournal(at);
        at = more.at;
        for (const e of more.events)
          if (name === undefined || e.name === name) print(o.json ? `${JSON.stringify(e)}\n` : line(e));
        if (!o.follow) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    });
}
