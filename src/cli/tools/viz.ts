/** `click-viz`: a configuration as a graph for Graphviz, `click-viz FILE | dot -Tsvg`. */

import { PRETTY_OPTIONS, pretty } from './pretty-main.ts';

void pretty(
  {
    name: 'click-viz',
    about: "Shows a configuration as a graph for Graphviz: 'click-viz FILE | dot -Tsvg > FILE.svg'.",
    options: PRETTY_OPTIONS,
  },
  'dot',
);
