/** Tools whose work the engine does itself: they read, flatten and write the configuration. */

import { CliError } from '../output.ts';
import { readFlat, runTool, type Tool, writeRouter } from './tool.ts';

type Options = NonNullable<Tool['options']>;

/** What these tools have in common. Most of it is accepted so that scripts go on working. */
const COMMON: Options = [
  { id: 'reverse', long: 'reverse', short: 'r', negatable: true, help: 'Accepted.' },
  {
    id: 'source',
    long: 'source',
    short: 's',
    negatable: true,
    help: 'There is no source code to write: an error.',
  },
  {
    id: 'config',
    long: 'config',
    short: 'c',
    negatable: true,
    help: 'Write the configuration only, never an archive.',
  },
];

export async function passThrough(name: string, about: string, options: Options): Promise<void> {
  await runTool({ name, about, options: [...options, ...COMMON] }, (line) => {
    if (line.has('source'))
      throw new CliError('there is no source code to write: the engine compiles by itself');
    const { graph, archive } = readFlat(line);
    writeRouter(line.output, graph, line.has('config') ? [] : archive);
    return 0;
  });
}
