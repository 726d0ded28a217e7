/** Checks of a flat graph against the element classes: classes, port counts, push and pull, wiring. */

import type { Diagnostics, Note } from '../lang/diagnostics.ts';
import { kernelOnly } from '../lang/kernel-classes.ts';
import { suggest } from '../lang/suggest.ts';
import type { ClassTable, ElementClass } from './class-table.ts';
import { type PortCount, type Processing, parsePortCount, portProcessing, portsFor } from './codes.ts';
import type { FlatConnection, FlatElement, FlatGraph } from './flat-graph.ts';
import { PortNumbers } from './port-numbers.ts';
import { type ElementPorts, instantiation, resolveProcessing, shown } from './processing.ts';
import type { PortProcessing, ResolvedElement, ResolvedGraph } from './resolved-graph.ts';

export interface CheckOptions {
  /**
   * The graph is what is left of a configuration with errors. Unused ports then go unreported, since
   * the statement that uses them may be among those that were skipped.
   */
  partial?: boolean;
  /** Look at the classes of the elements and at nothing else. */
  classesOnly?: boolean;
  /** Where the graph is to run; classes that are not compiled for it are errors. */
  target?: string;
}

/** Check a graph and resolve its ports; undefined if there were errors. All of them are reported. */
export function check(
  graph: FlatGraph,
  classes: ClassTable,
  diagnostics: Diagnostics,
  options: CheckOptions = {},
): ResolvedGraph | undefined {
  const before = diagnostics.errorCount;
  checkClasses(graph.elements, classes, diagnostics);
  checkArgumentCounts(graph.elements, diagnostics);
  if (options.classesOnly) return undefined;
  if (options.target !== undefined) checkTarget(graph.elements, classes, options.target, diagnostics);
  const ports = countPorts(graph, classes);
  const sound = checkPortNumbers(graph, classes, ports, diagnostics);
  const agnostic = ports.map(
    ({ inputs, outputs }) => [agnosticPorts(inputs), agnosticPorts(outputs)] as const,
  );
  resolveProcessing(graph.elements, ports, sound, diagnostics);
  checkReuse(graph.elements, ports, sound, diagnostics);
  if (!options.partial) checkUnused(graph, classes, ports, diagnostics);
  if (diagnostics.errorCount > before) return undefined;
  const { connections, requirements, definitions } = graph;
  const elements = graph.elements.map((element) =>
    resolve(element, classes.get(element.className)!, ports[element.index]!, agnostic[element.index]!),
  );
  return { elements, connections, requirements, definitions };
}

function resolve(
  element: FlatElement,
  elementClass: ElementClass,
  { inputs, outputs }: ElementPorts,
  [agnosticInputs, agnosticOutputs]: readonly [readonly boolean[], readonly boolean[]],
): ResolvedElement {
  return {
    index: element.index,
    name: element.name,
    className: element.className,
    args: element.args,
    configText: element.configText,
    span: element.span,
    landmark: element.landmark,
    via: element.via,
    undeclared: element.undeclared,
    class: elementClass,
    inputs: inputs.map(settle),
    outputs: outputs.map(settle),
    agnosticInputs,
    agnosticOutputs,
  };
}

function agnosticPorts(ports: readonly Processing[]): boolean[] {
  return ports.map((processing) => processing === 'agnostic');
}

/** Ports that stay agnostic are push. */
function settle(processing: Processing): PortProcessing {
  return processing === 'pull' ? 'pull' : 'push';
}

/** Each unknown class is reported once, where it is first used. */
function checkClasses(elements: readonly FlatElement[], classes: ClassTable, diagnostics: Diagnostics): void {
  const reported = new Set<string>();
  for (const element of elements) {
    const { className } = element;
    if (element.undeclared || classes.has(className) || reported.has(className)) continue;
    reported.add(className);
    const hint = kernelOnly(className) || suggest(className, classes.names());
    const message = `unknown element class '${className}'${hint}`;
    diagnostics.error(element.span, message, instantiation(element));
  }
}

/** Arguments of one element, as a plan counts them (native/include/clicklet/plan.h). */
export const MAX_ARGUMENTS = 0xffff;

function checkArgumentCounts(elements: readonly FlatElement[], diagnostics: Diagnostics): void {
  for (const element of elements) {
    if (element.args.length <= MAX_ARGUMENTS) continue;
    const message = `'${shown(element)}' has ${element.args.length} arguments: at most ${MAX_ARGUMENTS} are possible`;
    diagnostics.error(element.span, message, instantiation(element));
  }
}

/** Every element must be compiled for the target. */
function checkTarget(
  elements: readonly FlatElement[],
  classes: ClassTable,
  target: string,
  diagnostics: Diagnostics,
): void {
  for (const element of elements) {
    const elementClass = classOf(element, classes);
    if (!elementClass || elementClass.targets.includes(target)) continue;
    const message = `'${shown(element)}' is not available on target '${target}', only on ${elementClass.targets.join(', ')}`;
    diagnostics.error(element.span, message, instantiation(element));
  }
}

function classOf(element: FlatElement, classes: ClassTable): ElementClass | undefined {
  return element.undeclared ? undefined : classes.get(element.className);
}

/** The ports every element has, by its class and its connections. Unknown classes take any. */
function countPorts(graph: FlatGraph, classes: ClassTable): ElementPorts[] {
  const used = graph.elements.map(() => ({ inputs: 0, outputs: 0 }));
  for (const { from, fromPort, to, toPort } of graph.connections) {
    used[from]!.outputs = Math.max(used[from]!.outputs, fromPort + 1);
    used[to]!.inputs = Math.max(used[to]!.inputs, toPort + 1);
  }
  const counts = new Map<string, PortCount>();
  return graph.elements.map((element) => {
    const { inputs, outputs } = used[element.index]!;
    const elementClass = classOf(element, classes);
    if (!elementClass) return { ...bothSides('a/a', inputs, outputs), flow: 'x/y' };
    let count = counts.get(elementClass.name);
    if (!count) {
      count = parsePortCount(elementClass.ports);
      counts.set(elementClass.name, count);
    }
    return {
      ...bothSides(elementClass.processing, ...portsFor(count, inputs, outputs)),
      flow: elementClass.flow,
    };
  });
}

function bothSides(code: string, inputCount: number, outputCount: number) {
  const [inputs, outputs] = portProcessing(code, inputCount, outputCount);
  return { inputs, outputs };
}

/** Report connections to ports that do not exist; the others are returned. */
function checkPortNumbers(
  graph: FlatGraph,
  classes: ClassTable,
  ports: readonly ElementPorts[],
  diagnostics: Diagnostics,
): FlatConnection[] {
  const reported = new Set<string>();
  return graph.connections.filter((connection) => {
    const { from, fromPort, to, toPort } = connection;
    const bad: [element: number, kind: string, port: number][] = [];
    if (fromPort >= ports[from]!.outputs.length) bad.push([from, 'output', fromPort]);
    if (toPort >= ports[to]!.inputs.length) bad.push([to, 'input', toPort]);
    for (const [index, kind, port] of bad) {
      const element = graph.elements[index]!;
      const message = `'${shown(element)}' has no ${kind} ${port}`;
      if (reported.has(message)) continue;
      reported.add(message);
      const code = classOf(element, classes)!.ports;
      diagnostics.error(connection.span, message, [
        { message: `declared here; ports of ${element.className} are ${code}`, span: element.span },
        ...instantiation(element),
      ]);
    }
    return bad.length === 0;
  });
}

/** A push output and a pull input take one connection each. */
function checkReuse(
  elements: readonly FlatElement[],
  ports: readonly ElementPorts[],
  connections: readonly FlatConnection[],
  diagnostics: Diagnostics,
): void {
  const numbers = new PortNumbers(ports);
  const firstAtInput: (FlatConnection | undefined)[] = new Array(numbers.inputCount);
  const firstAtOutput: (FlatConnection | undefined)[] = new Array(numbers.outputCount);
  const report = (first: FlatConnection, connection: FlatConnection, index: number, port: string) => {
    // Connections come sorted by target; in the text the later one is the reuse.
    const [earlier, later] = inTextOrder(first, connection);
    const element = elements[index]!;
    const notes: Note[] = [
      { message: 'first connected here', span: earlier.span },
      { message: `'${element.name}' declared here`, span: element.span },
      ...instantiation(element),
    ];
    diagnostics.error(later.span, `illegal reuse of '${shown(element)}' ${port}`, notes);
  };
  for (const connection of connections) {
    const { from, fromPort, to, toPort } = connection;
    if (ports[from]!.outputs[fromPort] !== 'pull') {
      const at = numbers.output(from, fromPort);
      const first = firstAtOutput[at];
      if (first) report(first, connection, from, `push output ${fromPort}`);
      else firstAtOutput[at] = connection;
    }
    if (ports[to]!.inputs[toPort] === 'pull') {
      const at = numbers.input(to, toPort);
      const first = firstAtInput[at];
      if (first) report(first, connection, to, `pull input ${toPort}`);
      else firstAtInput[at] = connection;
    }
  }
}

function inTextOrder(a: FlatConnection, b: FlatConnection): [FlatConnection, FlatConnection] {
  return a.span.source === b.span.source && a.span.start > b.span.start ? [b, a] : [a, b];
}

/** Every port of an element must be connected. */
function checkUnused(
  graph: FlatGraph,
  classes: ClassTable,
  ports: readonly ElementPorts[],
  diagnostics: Diagnostics,
): void {
  const numbers = new PortNumbers(ports);
  const usedInputs = new Uint8Array(numbers.inputCount);
  const usedOutputs = new Uint8Array(numbers.outputCount);
  for (const { from, fromPort, to, toPort } of graph.connections) {
    // A connection with one bad end still uses the port at its other end.
    if (fromPort < ports[from]!.outputs.length) usedOutputs[numbers.output(from, fromPort)] = 1;
    if (toPort < ports[to]!.inputs.length) usedInputs[numbers.input(to, toPort)] = 1;
  }
  const report = (element: FlatElement, port: string) =>
    diagnostics.error(element.span, `'${shown(element)}' ${port} unused`, instantiation(element));
  for (const element of graph.elements) {
    if (!classOf(element, classes)) continue;
    const { inputs, outputs } = ports[element.index]!;
    for (let port = 0; port < inputs.length; port++)
      if (!usedInputs[numbers.input(element.index, port)]) report(element, `input ${port}`);
    for (let port = 0; port < outputs.length; port++)
      if (!usedOutputs[numbers.output(element.index, port)]) report(element, `output ${port}`);
  }
}
