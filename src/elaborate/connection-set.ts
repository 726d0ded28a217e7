/** A set of connections, to drop duplicates. Element indexes stay below 2^31, port numbers below 2^16. */

const PORTS = 65_536;

export class ConnectionSet {
  /** Target or targets by source port. Most output ports have a single target. */
  readonly #targets = new Map<number, number | Set<number>>();

  /** Add a connection; false if it is there already. */
  add(from: number, fromPort: number, to: number, toPort: number): boolean {
    const source = from * PORTS + fromPort;
    const target = to * PORTS + toPort;
    const known = this.#targets.get(source);
    if (known === undefined) this.#targets.set(source, target);
    else if (typeof known === 'number') {
      if (known === target) return false;
      this.#targets.set(source, new Set([known, target]));
    } else if (known.has(target)) return false;
    else known.add(target);
    return true;
  }
}
