/** `click-xform`: patterns of elements replaced by other elements. */

import { ConfigurationError } from '../../engine/router.ts';
import { type Pattern, readPatterns, xform } from '../../graph/passes/xform.ts';
import { Diagnostics } from '../../lang/diagnostics.ts';
import { message } from '../output.ts';
import { OptionError } from './clp.ts';
import { parseDefinition, type RouterSource, readRouter } from './read.ts';
import { flattenText, runTool, writeRouter } from './tool.ts';

void runTool(
  {
    name: 'click-xform',
    about:
      'Replaces patterns of elements in a configuration: what looks like class X becomes class X_Replacement.',
    operands: '[ROUTERFILE] [PATTERNFILE]...',
    without: ['clickpath'],
    words: 'all',
    options: [
      {
        id: 'patterns',
        long: 'patterns',
        short: 'p',
        value: 'string',
        placeholder: 'PATTERNFILE',
        help: 'Read patterns from PATTERNFILE; may be given again.',
      },
      { id: 'reverse', long: 'reverse', short: 'r', negatable: true, help: 'Apply patterns in reverse.' },
    ],
  },
  (line) => {
    let source: RouterSource | undefined;
    let words = 0;
    const files: string[] = [];
    const variables: Record<string, string> = {};
    const configuration = (given: RouterSource) => {
      if (source) throw new OptionError('router configuration specified twice');
      source = given;
    };
    for (const { id, value = '' } of line.given) {
      if (id === 'patterns') files.push(value);
      else if (id === 'file') configuration({ file: value });
      else if (id === 'expression') configuration({ expression: value });
      else if (id === undefined) {
        const definition = parseDefinition(value);
        if (definition) variables[definition.name] = definition.value;
        else if (words++ === 0) configuration({ file: value });
        else files.push(value);
      }
    }
    const diagnostics = new Diagnostics();
    const patterns = files.flatMap((file) => {
      const { text } = readRouter({ file });
      return readPatterns(text, file, diagnostics);
    });
    const { graph, archive } = flattenText(readRouter(source ?? {}), { variables, clickPath: undefined });
    if (diagnostics.hasErrors) throw new ConfigurationError(diagnostics.list);
    if (files.length === 0) message('warning: no patterns read\n');
    const result = xform(graph, line.has('reverse') ? patterns.map(reversed).reverse() : patterns);
    writeRouter(line.output, result.graph, archive);
    return 0;
  },
);

function reversed({ name, pattern, replacement }: Pattern): Pattern {
  return { name, pattern: replacement, replacement: pattern };
}
