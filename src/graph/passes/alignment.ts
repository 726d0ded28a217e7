/**
 * Where packet data lies in memory: at `offset` modulo `modulus` bytes. Three values beside the ordinary ones:
 * nothing known yet, impossible to satisfy, and anything at all (of paths that packets never take).
 */

const EMPTY = 0;
const BAD = -1;
const UNIVERSAL = -2;

export class Alignment {
  readonly #modulus: number;
  readonly #offset: number;

  private constructor(modulus: number, offset: number) {
    this.#modulus = modulus;
    this.#offset = offset;
  }

  static readonly empty = new Alignment(EMPTY, 0);
  static readonly bad = new Alignment(BAD, 0);
  static readonly universal = new Alignment(UNIVERSAL, 0);

  /** `offset` modulo `modulus`; bad unless 0 <= offset < modulus. */
  static of(modulus: number, offset: number): Alignment {
    return modulus > 0 && offset >= 0 && offset < modulus ? new Alignment(modulus, offset) : Alignment.bad;
  }

  /** 1 for the special values. */
  get modulus(): number {
    return Math.max(1, this.#modulus);
  }

  get offset(): number {
    return this.#offset;
  }

  get isBad(): boolean {
    return this.#modulus === BAD;
  }

  equals(other: Alignment): boolean {
    return this.#modulus === other.#modulus && this.#offset === other.#offset;
  }

  /** Are all packets that lie like this also aligned as `other` says? */
  satisfies(other: Alignment): boolean {
    if (this.isBad || other.isBad) return false;
    if (this.#modulus === UNIVERSAL || other.#modulus === UNIVERSAL) return this.#modulus === UNIVERSAL;
    if (other.#modulus <= 1) return true;
    return (
      this.#modulus > 1 &&
      this.#modulus % other.#modulus === 0 &&
      this.#offset % other.#modulus === other.#offset
    );
  }

  /** After `bytes` were taken off the front of the data, or put there if negative. */
  shift(bytes: number): Alignment {
    if (this.#modulus <= 1) return this;
    return new Alignment(this.#modulus, modulo(this.#offset + bytes, this.#modulus));
  }

  /** What can be said of packets that lie like one or the other. */
  or(other: Alignment): Alignment {
    if (this.#modulus === EMPTY || other.isBad || (this.#modulus === UNIVERSAL && other.#modulus > 0))
      return other;
    if (this.#modulus <= 1 || other.#modulus <= 0) return this;
    const modulus = gcd(this.#modulus, other.#modulus);
    const [a, b] = [this.#offset % modulus, other.#offset % modulus];
    if (a === b) return new Alignment(modulus, a);
    const apart = Math.abs(a - b);
    const distance = Math.min(apart, modulus - apart);
    return modulus % distance === 0 ? new Alignment(distance, a % distance) : new Alignment(1, 0);
  }

  /** The weakest alignment that gives both. */
  and(other: Alignment): Alignment {
    if (this.#modulus <= 0 || other.#modulus <= 0)
      return this.#modulus === EMPTY || other.isBad ? other : this;
    if (this.satisfies(other)) return this;
    if (other.satisfies(this)) return other;
    if (this.#modulus === other.#modulus) return Alignment.bad;
    const common = (this.#modulus * other.#modulus) / gcd(this.#modulus, other.#modulus);
    const [small, large] = this.#modulus < other.#modulus ? [this, other] : [other, this];
    for (let offset = large.#offset; offset < common; offset += large.#modulus)
      if (offset % small.#modulus === small.#offset) return new Alignment(common, offset);
    return Alignment.bad;
  }

  toString(): string {
    if (this.isBad) return 'BAD';
    if (this.#modulus === EMPTY) return 'EMPTY';
    return this.#modulus === UNIVERSAL ? 'UNIVERSAL' : `${this.#modulus}/${this.#offset}`;
  }
}

function modulo(value: number, modulus: number): number {
  return ((value % modulus) + modulus) % modulus;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
