/**
 * `click-fastclassifier`: accepted so that scripts go on working. What it did is built in: the engine compiles the
 * filters of all classifiers into decision graphs, and the fused engine into code. The configuration comes out flat.
 */

import { passThrough } from './pass-through.ts';

void passThrough(
  'click-fastclassifier',
  'Writes the flat configuration. The engine compiles classifiers itself, so there is nothing to generate.',
  [
    { id: 'combine', long: 'combine', negatable: true, help: 'Accepted (as --no-combine).' },
    { id: 'classes', long: 'classes', negatable: true, help: 'Accepted (as --no-classes).' },
    { id: 'kernel', long: 'kernel', short: 'k', negatable: true, help: 'Accepted.' },
    { id: 'user', long: 'user', short: 'u', negatable: true, help: 'Accepted.' },
    { id: 'quiet', long: 'quiet', short: 'q', negatable: true, help: 'Accepted.' },
    { id: 'verbose', long: 'verbose', short: 'V', negatable: true, help: 'Accepted.' },
  ],
);
