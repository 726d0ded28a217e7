/** Source text with positions: offsets resolve to file, line and column, through line markers. */

/** A place in a source text. Offsets are UTF-16 code units, `end` is exclusive. */
export interface Span {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** A resolved position. `line` and `column` count from 1; `column` counts UTF-16 code units. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A `#line` directive: from the line after `offset` on, text belongs to `file` at `line`. */
export interface LineMarker {
  readonly offset: number;
  readonly line: number;
  /** Undefined keeps the file in force; the empty string returns to the source's own file. */
  readonly file: string | undefined;
}

interface Region {
  physicalLine: number;
  line: number;
  file: string;
}

/** One configuration text and the name it was read from. */
export class Source {
  readonly text: string;
  readonly file: string;
  #markers: readonly LineMarker[] = [];
  #lineStarts: number[] | undefined;
  #regions: Region[] | undefined;

  constructor(text: string, file: string) {
    this.text = text;
    this.file = file;
  }

  /** Install the line markers the parser found, in ascending order of offset. */
  setLineMarkers(markers: readonly LineMarker[]): void {
    this.#markers = markers;
    this.#regions = undefined;
  }

  get lineMarkers(): readonly LineMarker[] {
    return this.#markers;
  }

  /** Resolve an offset to file, line and column. Offsets outside the text are clamped. */
  locate(offset: number): Position {
    const starts = this.#starts();
    const physicalLine = lastAtMost(starts, Math.max(0, Math.min(offset, this.text.length)));
    const column = Math.max(0, Math.min(offset, this.text.length)) - starts[physicalLine]! + 1;
    const region = this.#regionOf(physicalLine);
    return { file: region.file, line: region.line + (physicalLine - region.physicalLine), column };
  }

  /** The line of text that holds `offset`, without its line ending, and where it starts. */
  lineAt(offset: number): { text: string; start: number } {
    const starts = this.#starts();
    const line = lastAtMost(starts, Math.max(0, Math.min(offset, this.text.length)));
    const start = starts[line]!;
    let end = line + 1 < starts.length ? starts[line + 1]! : this.text.length;
    while (end > start && isLineEnd(this.text.charCodeAt(end - 1))) end--;
    return { text: this.text.slice(start, end), start };
  }

  #starts(): number[] {
    if (this.#lineStarts) return this.#lineStarts;
    const starts = [0];
    const lineEnd = /\r\n?|\n/g;
    while (lineEnd.exec(this.text)) starts.push(lineEnd.lastIndex);
    this.#lineStarts = starts;
    return starts;
  }

  #regionOf(physicalLine: number): Region {
    let regions = this.#regions;
    if (!regions) {
      regions = [{ physicalLine: 0, line: 1, file: this.file }];
      for (const marker of this.#markers) {
        const after = lastAtMost(this.#starts(), marker.offset) + 1;
        const file =
          marker.file === undefined ? regions.at(-1)!.file : marker.file === '' ? this.file : marker.file;
        regions.push({ physicalLine: after, line: marker.line, file });
      }
      this.#regions = regions;
    }
    let low = 0;
    let high = regions.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (regions[middle]!.physicalLine <= physicalLine) low = middle;
      else high = middle;
    }
    return regions[low]!;
  }
}

/** `file:line` of a span, the form in which elements carry their place of declaration. */
export function landmark(span: Span): string {
  const { file, line } = span.source.locate(span.start);
  return `${file}:${line}`;
}

/** The smallest span that covers both; they must belong to the same source. */
export function join(first: Span, last: Span): Span {
  return { source: first.source, start: first.start, end: Math.max(first.end, last.end) };
}

function isLineEnd(code: number): boolean {
  return code === 10 || code === 13;
}

/** Index of the last entry of an ascending list that is at most `value`. */
function lastAtMost(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! <= value) low = middle;
    else high = middle;
  }
  return low;
}
