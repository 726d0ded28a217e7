/** `xml2click`: the XML of click2xml as a configuration. */

import { fromXml } from '../../graph/passes/from-xml.ts';
import { parseXml, XmlError } from '../../graph/passes/xml.ts';
import { message } from '../output.ts';
import { decode, readBytes, sourceName } from './read.ts';
import { flattenText, printRouter, runTool, writeOutput } from './tool.ts';

void runTool(
  {
    name: 'xml2click',
    about: 'Prints the configuration that an XML document describes.',
    operands: '[XMLFILE]',
    options: [
      {
        id: 'flatten',
        long: 'flatten',
        short: 'F',
        negatable: true,
        help: 'Flatten the configuration first.',
      },
    ],
  },
  (line) => {
    const source = line.source ?? {};
    const file = sourceName(source);
    const document = source.expression ?? decode(readBytes(source.file ?? '-'));
    let text: string;
    try {
      const result = fromXml(parseXml(document), file);
      for (const problem of result.problems) message(`${file}:${problem.line}: ${problem.message}\n`);
      if (result.problems.length > 0) return 1;
      text = result.text;
    } catch (e) {
      if (!(e instanceof XmlError)) throw e;
      message(`${file}:${e.line}: XML parse error: ${e.message}\n`);
      return 1;
    }
    if (line.has('flatten')) text = printRouter(flattenText({ text, file, archive: [] }, line).graph);
    writeOutput(line.output, text);
    return 0;
  },
);
