/** The checked graph: every element has its class, every port is push or pull. */

import type { ElementClass } from './class-table.ts';
import type { FlatConnection, FlatElement, FlatGraph } from './flat-graph.ts';

export type PortProcessing = 'push' | 'pull';

export interface ResolvedElement extends FlatElement {
  readonly class: ElementClass;
  /** Processing of every input port, in order; the length is the number of ports. */
  readonly inputs: readonly PortProcessing[];
  readonly outputs: readonly PortProcessing[];
  /** Ports whose class leaves the processing open; Click marks them with a tilde. */
  readonly agnosticInputs: readonly boolean[];
  readonly agnosticOutputs: readonly boolean[];
}

export interface ResolvedGraph extends FlatGraph {
  readonly elements: readonly ResolvedElement[];
  readonly connections: readonly FlatConnection[];
}
