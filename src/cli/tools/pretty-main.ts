/** click-pretty and click-viz: a configuration as a page, or as a graph for a drawing program. */

import type { Scope, ScopeElement } from '../../elaborate/scope.ts';
import { classTable } from '../../engine/table.ts';
import { toDot, toGml, toGraphMl } from '../../graph/passes/dot.ts';
import { highlight } from '../../graph/passes/highlight.ts';
import { declareAll, type OutlineElement, Outliner } from '../../graph/passes/outline.ts';
import { ElementTemplates, type TemplateContext, templatePieces } from '../../graph/passes/template.ts';
import { Diagnostics } from '../../lang/diagnostics.ts';
import { parse } from '../../lang/parse.ts';
import { libraryResolver } from '../load.ts';
import { OptionError } from './clp.ts';
import { GRAPH_TEMPLATE, HTML_TEMPLATE } from './pretty-page.ts';
import { decode, readBytes, readRouter } from './read.ts';
import { runTool, type Tool, type ToolLine, writeOutput } from './tool.ts';

const ACTIONS = ['dot', 'gml', 'graphml', 'write-template'];
const GRAPHS = { dot: toDot, gml: toGml, graphml: toGraphMl };

export const PRETTY_OPTIONS: NonNullable<Tool['options']> = [
  {
    id: 'template',
    long: 'template',
    short: 't',
    value: 'string',
    placeholder: 'FILE',
    help: 'Use FILE as the template.',
  },
  { id: 'template-text', long: 'template-text', short: 'T', value: 'string' },
  {
    id: 'define',
    long: 'define',
    short: 'd',
    value: 'string',
    placeholder: 'NAME=TEXT',
    help: 'Define a tag NAME that expands to TEXT.',
  },
  {
    id: 'class-docs',
    long: 'class-docs',
    short: 'u',
    value: 'string',
    placeholder: 'URL',
    help: "Link element classes to URL, '%s' in it being the class.",
  },
  {
    id: 'package-docs',
    long: 'package-docs',
    value: 'string',
    placeholder: 'PKG=URL',
    help: 'Accepted; all classes are in one package.',
  },
  { id: 'driver', long: 'linuxmodule', short: 'l' },
  { id: 'driver', long: 'kernel', short: 'k' },
  { id: 'driver', long: 'bsdmodule', short: 'b' },
  { id: 'driver', long: 'userlevel', help: 'Accepted; there is one driver.' },
  { id: 'write-template', long: 'write-template', help: 'Write the template as it is.' },
  { id: 'dot', long: 'dot', help: "Write a 'dot' graph for Graphviz." },
  { id: 'gml', long: 'gml', help: 'Write a GML graph.' },
  { id: 'graphml', long: 'graphml', help: 'Write a GraphML graph.' },
];

/** Run click-pretty under some name, doing `defaultAction` unless told otherwise. */
export async function pretty(tool: Tool, defaultAction?: keyof typeof GRAPHS): Promise<void> {
  await runTool(tool, (line) => {
    const actions = line.given.map(({ id }) => id).filter((id) => id !== undefined && ACTIONS.includes(id));
    if (actions.length > 1) throw new OptionError('action specified twice');
    const action = actions[0] ?? defaultAction;
    const isGraph = action !== undefined && action in GRAPHS;
    const template = chosenTemplate(line) ?? (isGraph ? GRAPH_TEMPLATE : HTML_TEMPLATE);
    if (action === 'write-template') {
      writeOutput(line.output, template);
      return 0;
    }
    const page = new Page({
      ...readRouter(line.source ?? {}),
      variables: line.variables,
      clickPath: line.clickPath,
      classUrl: line.given.filter(({ id }) => id === 'class-docs').at(-1)?.value,
      definitions: definitionsOf(line),
    });
    writeOutput(
      line.output,
      isGraph ? page.graph(action as keyof typeof GRAPHS, template) : page.html(template),
    );
    return 0;
  });
}

function chosenTemplate(line: ToolLine): string | undefined {
  const option = line.given.filter(({ id }) => id === 'template' || id === 'template-text').at(-1);
  if (!option) return undefined;
  return option.id === 'template' ? decode(readBytes(option.value!)) : option.value;
}

export interface PageOptions {
  text: string;
  /** The name its positions are reported in. */
  file: string;
  variables: Record<string, string>;
  clickPath?: string | undefined;
  /** Where element classes are documented, `%s` being the class. */
  classUrl?: string | undefined;
  /** Tags of templates that expand to text. */
  definitions?: ReadonlyMap<string, string>;
}

/** A configuration, ready to be shown. */
export class Page {
  readonly #context: TemplateContext;
  readonly #config: () => string;

  constructor({ text, file, variables, clickPath, classUrl, definitions = new Map() }: PageOptions) {
    const diagnostics = new Diagnostics();
    const ast = parse(text, file, diagnostics);
    const options = { variables, resolveLibrary: libraryResolver(clickPath) };
    const { scope } = declareAll(ast, options, diagnostics);
    const outline = new Outliner(classTable()).outline(scope, diagnostics);
    const numbers = new Map<number, number>();
    const number = (bodyStart: number) => {
      if (!numbers.has(bodyStart)) numbers.set(bodyStart, numbers.size);
      return numbers.get(bodyStart)!;
    };
    const classAnchor = (bodyStart: number) => `decl${number(bodyStart)}`;
    const classHref = (name: string, from: Scope) => {
      const type = from.typeNamed(name);
      if (type?.kind === 'compound') return `#${classAnchor(type.overloads[0]!.span.start)}`;
      return classTable().has(name) ? classUrl?.replace(/%s/g, name) : undefined;
    };
    const elementAnchor = ({ name }: Pick<ScopeElement, 'name'>, owner: Scope) =>
      owner.parent ? `e${number(owner.span.start)}-${name}` : `e-${name}`;
    this.#config = () => highlight(ast, scope, diagnostics.list, { classAnchor, classHref, elementAnchor });
    this.#context = {
      outline,
      definitions,
      classHref: ({ compound, className = '' }: OutlineElement) =>
        compound ? `#${classAnchor(compound.overloads[0]!.span.start)}` : classHref(className, scope),
      elementAnchor: (element) => elementAnchor(element, scope),
    };
  }

  graph(action: keyof typeof GRAPHS, template: string): string {
    const templates = new ElementTemplates(this.#context);
    return GRAPHS[action](this.#context.outline, (element) => templates.expand(template, element));
  }

  html(template: string): string {
    // The text comes first, so that classes are numbered in its order.
    const config = this.#config();
    const expand = (text: string): string => {
      let out = '';
      for (const piece of templatePieces(text, false)) {
        if ('text' in piece) out += piece.text;
        else if (piece.tag === 'config') out += config;
        else if (piece.tag === 'elements')
          out += new ElementTemplates(this.#context, piece.attributes).list();
        else out += expand(this.#context.definitions.get(piece.tag) ?? '');
      }
      return out;
    };
    return expand(template);
  }
}

function definitionsOf(line: ToolLine): Map<string, string> {
  const definitions = new Map<string, string>();
  for (const { id, value = '' } of line.given) {
    if (id !== 'define') continue;
    const [, name, text = ''] = /^([^=]*)=?(.*)$/s.exec(value)!;
    definitions.set(name!.toLowerCase(), text);
  }
  return definitions;
}
