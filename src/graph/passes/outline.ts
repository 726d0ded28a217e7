/**
 * A configuration as it is written, compounds and all: for tools that show it rather than run it. Ports of compound
 * elements are push or pull as their bodies make them.
 */

import type { ElaborateOptions, Elaboration } from '../../elaborate/context.ts';
import { declare } from '../../elaborate/declare.ts';
import {
  type CompoundType,
  type ElementType,
  INPUT,
  OUTPUT,
  type Scope,
  type ScopeConnection,
  type ScopeElement,
} from '../../elaborate/scope.ts';
import type { Ast } from '../../lang/ast.ts';
import { Diagnostics } from '../../lang/diagnostics.ts';
import { landmark } from '../../lang/source.ts';
import type { ClassTable } from '../class-table.ts';
import { flowFrom, type Processing, portProcessing } from '../codes.ts';
import type { FlatElement, Requirement } from '../flat-graph.ts';
import { type ElementPorts, resolveProcessing } from '../processing.ts';

export interface OutlineElement {
  readonly index: number;
  readonly name: string;
  /** Undefined for compounds without a name. */
  readonly className: string | undefined;
  readonly compound: CompoundType | undefined;
  /** `input`, `output` and groups, which only pass connections through. */
  readonly tunnel: boolean;
  readonly anonymous: boolean;
  readonly config: string;
  readonly landmark: string;
  readonly inputs: readonly Processing[];
  readonly outputs: readonly Processing[];
  /** Processing before the neighbours were asked. */
  readonly ownInputs: readonly Processing[];
  readonly ownOutputs: readonly Processing[];
  readonly flow: string;
}

export interface Outline {
  readonly scope: Scope;
  readonly elements: readonly OutlineElement[];
  readonly connections: readonly ScopeConnection[];
}

/** Declare everything a syntax tree declares. Errors go to `diagnostics`. */
export function declareAll(
  ast: Ast,
  options: ElaborateOptions,
  diagnostics: Diagnostics,
): { scope: Scope; requirements: readonly Requirement[] } {
  const elaboration: Elaboration = { ast, options, diagnostics, requirements: [] };
  declare(elaboration);
  return { scope: elaboration.scope!, requirements: elaboration.requirements };
}

/** Outlines of scopes; ports that stay agnostic become push unless `agnostic`. */
export class Outliner {
  readonly #classes: ClassTable;
  readonly #ports = new Map<Scope, ElementPorts>();

  constructor(classes: ClassTable) {
    this.#classes = classes;
  }

  outline(scope: Scope, diagnostics = new Diagnostics(), agnostic = false): Outline {
    const own = scope.elements.map((element) => this.#portsOf(element));
    const ports = own.map(({ inputs, outputs, flow }) => ({
      inputs: [...inputs],
      outputs: [...outputs],
      flow,
    }));
    // For messages and indexes; nothing else of an element matters to the resolution.
    const shown = scope.elements.map(
      ({ name, type, span }, index) =>
        ({ index, name, className: type?.name ?? '', span, via: [] }) as unknown as FlatElement,
    );
    resolveProcessing(shown, ports, scope.connections, diagnostics);
    const settle = (list: readonly Processing[]) =>
      agnostic ? list : list.map((processing) => (processing === 'agnostic' ? 'push' : processing));
    const elements = scope.elements.map(
      (element, index): OutlineElement => ({
        index,
        name: element.name,
        className: element.type?.name || undefined,
        compound: element.type?.kind === 'compound' ? element.type : undefined,
        tunnel: element.type === undefined,
        anonymous: element.name.includes('@'),
        config: element.config?.text ?? '',
        landmark: landmark(element.span),
        inputs: settle(ports[index]!.inputs),
        outputs: settle(ports[index]!.outputs),
        ownInputs: own[index]!.inputs,
        ownOutputs: own[index]!.outputs,
        flow: own[index]!.flow,
      }),
    );
    return { scope, elements, connections: scope.connections };
  }

  #portsOf({ type, inputs, outputs }: ScopeElement): ElementPorts {
    if (type?.kind === 'compound') {
      const fitting = type.overloads.find((body) => body.inputs === inputs && body.outputs === outputs);
      const body = fitting ?? type.overloads[0];
      if (body) return resized(this.#compoundPorts(body), inputs, outputs);
    }
    const known = type?.kind === 'primitive' ? this.#classes.get(type.name) : undefined;
    const [inputPorts, outputPorts] = portProcessing(known?.processing ?? 'a/a', inputs, outputs);
    return { inputs: inputPorts, outputs: outputPorts, flow: known?.flow ?? 'x/x' };
  }

  /** Ports of a body, seen from outside: those of its `input` and `output`, and which leads where. */
  #compoundPorts(body: Scope): ElementPorts {
    const known = this.#ports.get(body);
    if (known) return known;
    // A class cannot contain itself, but a text can say so.
    this.#ports.set(body, { inputs: [], outputs: [], flow: 'x/x' });
    const { elements } = this.outline(body, new Diagnostics(), true);
    const ports = {
      inputs: [...elements[INPUT]!.outputs],
      outputs: [...elements[OUTPUT]!.inputs],
      flow: flowCode(body, elements),
    };
    this.#ports.set(body, ports);
    return ports;
  }
}

function resized(
  { inputs, outputs, flow }: ElementPorts,
  inputCount: number,
  outputCount: number,
): ElementPorts {
  const stretch = (list: readonly Processing[], count: number) =>
    Array.from({ length: count }, (_, port) => list[port] ?? 'agnostic');
  return { inputs: stretch(inputs, inputCount), outputs: stretch(outputs, outputCount), flow };
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Which inputs of a body lead to which outputs: a letter for each input, at each output those that get there. */
function flowCode(body: Scope, elements: readonly OutlineElement[]): string {
  const { inputs, outputs } = body;
  if (inputs > LETTERS.length) return 'x/x';
  const reached: string[] = new Array(outputs).fill('');
  for (let input = 0; input < inputs; input++) {
    const seen = new Set<string>();
    const queue: [element: number, output: number][] = [[INPUT, input]];
    for (let at = queue.pop(); at; at = queue.pop()) {
      const [element, port] = at;
      for (const c of body.connections) {
        if (c.from !== element || c.fromPort !== port || seen.has(`${c.to} ${c.toPort}`)) continue;
        seen.add(`${c.to} ${c.toPort}`);
        if (c.to === OUTPUT) reached[c.toPort] += LETTERS.charAt(input);
        const { flow, outputs: ports } = elements[c.to]!;
        for (const [output, flows] of flowFrom(flow, c.toPort, ports.length).entries())
          if (flows) queue.push([c.to, output]);
      }
    }
  }
  const items = reached.map((letters) => (letters.length === 1 ? letters : `[${letters}]`));
  return `${LETTERS.slice(0, inputs)}/${items.join('')}`;
}

const LETTER: Record<Processing, string> = { push: 'h', pull: 'l', agnostic: 'a' };

/** `h`, `l` or `a`. */
export function processingLetter(processing: Processing): string {
  return LETTER[processing];
}

/** `h/hl`: a letter for every port. */
export function processingCode({ inputs, outputs }: OutlineElement): string {
  const side = (list: readonly Processing[]) => list.map((processing) => LETTER[processing]).join('');
  return `${side(inputs)}/${side(outputs)}`;
}

/** Compound classes that a scope declares, with and without a name, in the order of the text. */
export function localClasses(scope: Scope): CompoundType[] {
  const found = new Set<CompoundType>();
  const add = (type: ElementType | undefined) => {
    if (type?.kind !== 'compound' || found.has(type) || type.overloads[0]?.parent !== scope) return;
    found.add(type);
    add(type.extension);
  };
  for (const name of scope.typeNames()) add(scope.typeNamed(name));
  for (const { type } of scope.elements) add(type);
  return [...found].sort((a, b) => a.overloads[0]!.span.start - b.overloads[0]!.span.start);
}
