/** What Click's tools have in common: how they are called, where they read and write, how they complain. */

import { writeFileSync } from 'node:fs';
import { type ElaborateOptions, elaborate } from '../../elaborate/index.ts';
import { version } from '../../engine/paths.ts';
import { ConfigurationError } from '../../engine/router.ts';
import type { FlatGraph } from '../../graph/flat-graph.ts';
import { printFlat } from '../../graph/print-flat.ts';
import { Diagnostics } from '../../lang/diagnostics.ts';
import { parse } from '../../lang/parse.ts';
import { libraryResolver } from '../load.ts';
import { EXIT, message, print, report, runCommand, writeAll } from '../output.ts';
import { type ArchiveMember, newMember, writeArchive } from './archive.ts';
import { OptionError, type OptionSpec, type Parsed, readOptions } from './clp.ts';
import { parseDefinition, type RouterSource, type RouterText, readRouter } from './read.ts';

export interface Tool {
  name: string;
  /** What it does, in a sentence or two. */
  about: string;
  /** Words after the options in the usage line. */
  operands?: string;
  /** Its own options; the common ones are added. */
  options?: readonly (OptionSpec & { help?: string; placeholder?: string })[];
  /** Common options that it lacks, by id. */
  without?: readonly string[];
  /** Words are handed to `words` one by one; by default they are definitions and the file. */
  words?: 'all';
}

/** A command line, taken apart. */
export interface ToolLine {
  source: RouterSource | undefined;
  output: string | undefined;
  clickPath: string | undefined;
  variables: Record<string, string>;
  /** The tool's own options, and words if it takes them itself, in order. */
  given: Parsed[];
  /** Was an option given, and not negated since? */
  has(id: string): boolean;
}

type HelpSpec = OptionSpec & { help?: string; placeholder?: string };

const COMMON: readonly HelpSpec[] = [
  {
    id: 'file',
    long: 'file',
    short: 'f',
    value: 'string',
    placeholder: 'FILE',
    help: 'Read the configuration from FILE.',
  },
  {
    id: 'expression',
    long: 'expression',
    short: 'e',
    value: 'string',
    placeholder: 'EXPR',
    help: 'Use EXPR as the configuration.',
  },
  {
    id: 'output',
    long: 'output',
    short: 'o',
    value: 'string',
    placeholder: 'FILE',
    help: 'Write output to FILE.',
  },
  {
    id: 'clickpath',
    long: 'clickpath',
    short: 'C',
    value: 'string',
    placeholder: 'PATH',
    help: 'Look for libraries in PATH instead of CLICKPATH.',
  },
];

const LAST: readonly HelpSpec[] = [
  { id: 'help', long: 'help', help: 'Print this message and exit.' },
  { id: 'version', long: 'version', short: 'v', help: 'Print version number and exit.' },
];

function helpText(tool: Tool, options: readonly HelpSpec[]): string {
  const lines = options
    .filter(({ help }) => help !== undefined)
    .map(({ long, short, placeholder, help }) => {
      const names = `  ${short ? `-${short}` : '  '}${short && long ? ', ' : '  '}${long ? `--${long}` : ''}`;
      return `${names}${placeholder ? ` ${placeholder}` : ''}`.padEnd(30) + help;
    });
  const operands = tool.operands ?? '[ROUTERFILE] [NAME=VALUE]...';
  return `${tool.about}\n\nUsage: ${tool.name} [OPTION]... ${operands}\n\nOptions:\n${lines.join('\n')}\n`;
}

/** Read a tool's command line. Undefined if it asked for help or the version, which are printed then. */
function readLine(tool: Tool, words: readonly string[]): ToolLine | undefined {
  const own = tool.options ?? [];
  const options = [...COMMON.filter(({ id }) => !tool.without?.includes(id)), ...own, ...LAST];
  const line: ToolLine = {
    source: undefined,
    output: undefined,
    clickPath: undefined,
    variables: {},
    given: [],
    has: (id) => line.given.filter((option) => option.id === id).at(-1)?.negated === false,
  };
  const configuration = (source: RouterSource) => {
    if (line.source) throw new OptionError('router configuration specified twice');
    line.source = source;
  };
  for (const option of readOptions(words, options, { plusNegates: true })) {
    const value = option.value ?? '';
    if (option.id === undefined && !tool.words) {
      const definition = parseDefinition(value);
      if (!definition) configuration({ file: value });
      else if (Object.hasOwn(line.variables, definition.name))
        message(`${tool.name}: parameter '${definition.name}' multiply defined\n`);
      else line.variables[definition.name] = definition.value;
    } else if (option.id === 'output') {
      if (line.output !== undefined) throw new OptionError('output file specified twice');
      line.output = value;
    } else if (option.id === 'clickpath') line.clickPath = value;
    else if (option.id === 'help') {
      print(helpText(tool, options));
      return undefined;
    } else if (option.id === 'version') {
      print(`${tool.name} (Clicklet) ${version}\n`);
      return undefined;
    } else if (tool.words) line.given.push(option);
    else if (option.id === 'file') configuration({ file: value });
    else if (option.id === 'expression') configuration({ expression: value });
    else line.given.push(option);
  }
  return line;
}

/** Run a tool: its body returns the exit status. Errors of usage exit 1, as in the reference. */
export async function runTool(tool: Tool, body: (line: ToolLine) => number | Promise<number>): Promise<void> {
  await runCommand(tool.name, async () => {
    try {
      const line = readLine(tool, process.argv.slice(2));
      return line ? await body(line) : EXIT.ok;
    } catch (e) {
      if (!(e instanceof OptionError)) throw e;
      const operands = tool.operands ?? '[ROUTERFILE]';
      message(
        `${tool.name}: ${e.message}\nUsage: ${tool.name} [OPTION]... ${operands}\nTry '${tool.name} --help' for more information.\n`,
      );
      return EXIT.input;
    }
  });
}

/** A configuration without compounds, and what came with it. */
export interface FlatRouter extends RouterText {
  graph: FlatGraph;
}

/** Read and flatten what a command line names. Throws ConfigurationError with all located errors. */
export function readFlat(line: ToolLine, options: ElaborateOptions = {}): FlatRouter {
  return flattenText(readRouter(line.source ?? {}), line, options);
}

export function flattenText(
  router: RouterText,
  line: Pick<ToolLine, 'variables' | 'clickPath'>,
  options: ElaborateOptions = {},
): FlatRouter {
  const diagnostics = new Diagnostics();
  if (router.text === '') message(`${router.file}: warning: empty configuration\n`);
  const graph = elaborate(
    parse(router.text, router.file, diagnostics),
    {
      order: 'tool',
      expandVariables: false,
      variables: line.variables,
      resolveLibrary: libraryResolver(line.clickPath),
      ...options,
    },
    diagnostics,
  );
  diagnostics.sort();
  if (diagnostics.hasErrors) throw new ConfigurationError(diagnostics.list);
  report(diagnostics.list);
  return { ...router, graph };
}

/** A graph as Click's tools print it, with line directives. */
export function printRouter(graph: FlatGraph): string {
  return printFlat(graph, { lineDirectives: true, definitions: true });
}

/** Write text where `--output` says. */
export function writeOutput(output: string | undefined, text: string | Uint8Array): void {
  if (output === undefined || output === '-') writeAll(1, text);
  else writeFileSync(output, text);
}

/** Write a configuration: an archive if it has more to carry than its text. */
export function writeRouter(
  output: string | undefined,
  graph: FlatGraph,
  archive: readonly ArchiveMember[] = [],
): void {
  const text = printRouter(graph);
  const others = archive.filter(({ name }) => name !== 'config');
  if (others.length === 0) writeOutput(output, text);
  else writeOutput(output, writeArchive([newMember('config', text, 0o644), ...others]));
}
