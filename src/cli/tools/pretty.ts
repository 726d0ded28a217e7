/** `click-pretty`: a configuration as an HTML page or a graph. */

import { PRETTY_OPTIONS, pretty } from './pretty-main.ts';

void pretty({
  name: 'click-pretty',
  about:
    'Shows a configuration as an HTML page, with syntax highlighting and tables of its elements, or as a graph.',
  options: PRETTY_OPTIONS,
});
