/**
 * `click-buildtool provides`: does this build have all of these? Names of element classes, packages and features;
 * exit status 0 for yes, 1 for no. The reference's other subcommands build C++ packages, which do not exist here.
 */

import { FEATURES } from '../../engine/requirements.ts';
import { classTable } from '../../engine/table.ts';
import { message, print } from '../output.ts';
import { decode, readBytes } from './read.ts';
import { runTool } from './tool.ts';

void runTool(
  {
    name: 'click-buildtool',
    about: 'Exits with status 0 if this build has all elements and features named, and 1 otherwise.',
    operands: 'provides [NAME...]',
    without: ['file', 'expression', 'clickpath', 'output'],
    words: 'all',
    options: [
      { id: 'query', long: 'query', short: 'q', help: 'Print what is provided to standard output.' },
      {
        id: 'provide',
        long: 'provide',
        short: 'r',
        value: 'string',
        placeholder: 'NAME',
        help: 'Count NAME as provided.',
      },
      { id: 'print', long: 'print', short: 'l', help: 'Print 1 if all are provided and 0 otherwise.' },
    ],
  },
  (line) => {
    const [command, ...words] = line.given.filter(({ id }) => id === undefined).map(({ value }) => value!);
    if (command !== 'provides') {
      message(
        `click-buildtool: unknown command '${command ?? ''}': only 'provides' exists in this version\n`,
      );
      return 1;
    }
    const added = line.given.filter(({ id }) => id === 'provide').map(({ value }) => value!);
    const provided = new Set([...FEATURES, ...added.flatMap(split), ...classTable().names()]);
    const names = words.flatMap((word) => split(word === '-' ? decode(readBytes('-')) : word));
    // `A|B` asks for one or the other.
    const all = names.every((name) => name.split('|').some((n) => provided.has(n)));
    if (line.has('query')) print([...provided].map((name) => `${name}\n`).join(''));
    if (line.has('print')) print(all ? '1\n' : '0\n');
    return all || line.has('query') ? 0 : 1;
  },
);

function split(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}
