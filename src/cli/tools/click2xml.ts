/** `click2xml`: the configuration as XML. */

import { ConfigurationError } from '../../engine/router.ts';
import { classTable } from '../../engine/table.ts';
import { declareAll, Outliner } from '../../graph/passes/outline.ts';
import { toXml } from '../../graph/passes/to-xml.ts';
import { printFlat } from '../../graph/print-flat.ts';
import { Diagnostics } from '../../lang/diagnostics.ts';
import { parse } from '../../lang/parse.ts';
import { libraryResolver } from '../load.ts';
import { report } from '../output.ts';
import { readRouter } from './read.ts';
import { flattenText, runTool, writeOutput } from './tool.ts';

void runTool(
  {
    name: 'click2xml',
    about: 'Prints a configuration as XML, compound element classes included.',
    options: [
      {
        id: 'flatten',
        long: 'flatten',
        short: 'F',
        negatable: true,
        help: 'Flatten the configuration first.',
      },
      { id: 'driver', long: 'bsdmodule', short: 'b' },
      { id: 'driver', long: 'linuxmodule', short: 'l' },
      { id: 'driver', long: 'kernel', short: 'k' },
      { id: 'driver', long: 'userlevel', help: 'Accepted; there is one driver.' },
    ],
  },
  (line) => {
    let { text, file } = readRouter(line.source ?? {});
    if (line.has('flatten')) {
      const flat = flattenText({ text, file, archive: [] }, line);
      text = printFlat(flat.graph, { lineDirectives: true, definitions: true });
      file = 'config';
    }
    const diagnostics = new Diagnostics();
    const { variables } = line;
    const { scope } = declareAll(
      parse(text, file, diagnostics),
      { variables, resolveLibrary: libraryResolver(line.clickPath) },
      diagnostics,
    );
    if (diagnostics.hasErrors) throw new ConfigurationError(diagnostics.list);
    report(diagnostics.list);
    writeOutput(line.output, toXml(scope, new Outliner(classTable())));
    return 0;
  },
);
