/**
 * `click-devirtualize`: accepted so that scripts go on working. What it did is built in: the fused engine calls every
 * element directly. The configuration comes out flat.
 */

import { passThrough } from './pass-through.ts';

void passThrough(
  'click-devirtualize',
  'Writes the flat configuration. The fused engine calls elements directly, so there is nothing to generate.',
  [
    { id: 'kernel', long: 'linuxmodule', short: 'l', negatable: true, help: 'Accepted.' },
    { id: 'kernel', long: 'kernel', short: 'k', negatable: true },
    { id: 'user', long: 'userlevel', short: 'u', negatable: true, help: 'Accepted.' },
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
);
