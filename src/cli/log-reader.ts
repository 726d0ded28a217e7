/** What a virtual router wrote to its console since the last look. */

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { logPath } from '../vm/registry.ts';

const LAST = 4096;

export class LogReader {
  readonly #file: string;
  #at: number;
  /** The end of what was read. */
  #last = Buffer.alloc(0);

  /** `fromNow`: not what is there already. */
  constructor(name: string, fromNow = false) {
    this.#file = logPath(name);
    this.#at = fromNow ? (statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0) : 0;
  }

  read(): Buffer {
    let fd: number;
    try {
      fd = openSync(this.#file, 'r');
    } catch {
      return Buffer.alloc(0); // removed meanwhile
    }
    const size = fstatSync(fd).size;
    const shorter = size < this.#at; // the monitor has dropped older lines
    if (shorter) this.#at = 0;
    const bytes = Buffer.alloc(size - this.#at);
    const n = bytes.length ? readSync(fd, bytes, 0, bytes.length, this.#at) : 0;
    closeSync(fd);
    this.#at += n;
    const all = bytes.subarray(0, n);
    const known = shorter && this.#last.length ? all.indexOf(this.#last) : -1;
    const fresh = known < 0 ? all : all.subarray(known + this.#last.length);
    if (n) this.#last = Buffer.from(all.subarray(-LAST));
    return fresh;
  }
}
