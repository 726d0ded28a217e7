/** All input ports of a graph in one numbering, and all output ports in another, for flat arrays. */

export class PortNumbers {
  readonly inputCount: number;
  readonly outputCount: number;
  readonly #inputBase: Uint32Array;
  readonly #outputBase: Uint32Array;

  constructor(elements: readonly { inputs: { length: number }; outputs: { length: number } }[]) {
    this.#inputBase = new Uint32Array(elements.length);
    this.#outputBase = new Uint32Array(elements.length);
    let inputs = 0;
    let outputs = 0;
    for (let i = 0; i < elements.length; i++) {
      this.#inputBase[i] = inputs;
      this.#outputBase[i] = outputs;
      inputs += elements[i]!.inputs.length;
      outputs += elements[i]!.outputs.length;
    }
    this.inputCount = inputs;
    this.outputCount = outputs;
  }

  input(element: number, port: number): number {
    return this.#inputBase[element]! + port;
  }

  output(element: number, port: number): number {
    return this.#outputBase[element]! + port;
  }
}

/** For every number below `count`, the indexes of the items it was added for, in order. */
export class Buckets {
  readonly #head: Int32Array;
  readonly #last: Int32Array;
  readonly #next: Int32Array;

  constructor(count: number, items: number) {
    this.#head = new Int32Array(count).fill(-1);
    this.#last = new Int32Array(count).fill(-1);
    this.#next = new Int32Array(items).fill(-1);
  }

  add(bucket: number, item: number): void {
    const last = this.#last[bucket]!;
    if (last < 0) this.#head[bucket] = item;
    else this.#next[last] = item;
    this.#last[bucket] = item;
  }

  *items(bucket: number): Iterable<number> {
    for (let item = this.#head[bucket]!; item >= 0; item = this.#next[item]!) yield item;
  }
}
