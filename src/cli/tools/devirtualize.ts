/**
 * `click-devirtualize`: accepted so that scripts go on working. What it did is built in: the fused engine calls every
 * element directly. The configuration comes out flat.
 */

import { passThrough } from './pass-through.ts';

await passThrough({
  name: 'click-devirtualize',
  about:
    'Writes the flat configuration. The fused engine calls elements directly, so there is nothing to generate.',
  options: [
    { id: 'kernel', long: 'linuxmodule', short: 'l', negatable: true, help: 'Accepted.' },
    { id: 'kernel', long: 'kernel', short: 'k', negatable: true },
    { id: 'user', long: 'userlevel', short: 'u', negatable: true, help: 'Accepted.' },
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
    { id: 'reverse', long: 'reverse', short: 'r', negatable: true, help: 'Accepted.' },
    {
      id: 'exclude',
      long: 'no-devirtualize',
      short: 'n',
      value: 'string',
      placeholder: 'CLASS',
      help: 'Accepted.',
    },
    { id: 'exclude', long: 'devirtualize', value: 'string' },
    {
      id: 'instructions',
      long: 'instructions',
      short: 'i',
      value: 'string',
      placeholder: 'FILE',
      help: 'Accepted.',
    },
  ],
});
