/** A small XML reader: elements and attributes, which is all that Click's XML formats have. Text is skipped. */

export interface XmlElement {
  /** Without a namespace prefix. */
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: XmlElement[];
  /** Counts from 1. */
  readonly line: number;
}

export class XmlError extends Error {
  readonly line: number;
  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** What may stand between tags: comments, CDATA, processing instructions, a document type, text. */
const SKIPPED =
  /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|<!DOCTYPE[^>[]*(?:\[[\s\S]*?\]\s*)?>|[^<]+/y;
const TAG = /<(\/?)([\w.:-]+)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
const ATTRIBUTE = /([\w.:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

/** Read a document. Throws XmlError. */
export function parseXml(text: string): XmlElement {
  const line = lineCounter(text);
  const top: XmlElement = { name: '', attributes: new Map(), children: [], line: 0 };
  const open = [top];
  for (let at = 0; at < text.length; ) {
    SKIPPED.lastIndex = at;
    if (SKIPPED.test(text)) {
      at = SKIPPED.lastIndex;
      continue;
    }
    TAG.lastIndex = at;
    const tag = TAG.exec(text);
    if (!tag) throw new XmlError('not well-formed (invalid token)', line(at));
    const [whole, closing, qualified, attributeText, empty] = tag as unknown as string[];
    const name = qualified!.replace(/^.*:/, '');
    if (closing) {
      if (open.length === 1 || open.at(-1)!.name !== name) throw new XmlError('mismatched tag', line(at));
      open.pop();
    } else {
      if (open.length === 1 && top.children.length > 0)
        throw new XmlError('junk after document element', line(at));
      const attributes = new Map<string, string>();
      for (const [, key, double, single] of attributeText!.matchAll(ATTRIBUTE))
        attributes.set(
          key!,
          decodeEntities(double ?? single ?? '', () => line(at)),
        );
      const element = { name, attributes, children: [], line: line(at) };
      open.at(-1)!.children.push(element);
      if (!empty) open.push(element);
    }
    at += whole!.length;
  }
  if (open.length > 1 || top.children.length === 0)
    throw new XmlError(open.length > 1 ? 'unclosed token' : 'no element found', line(text.length));
  return top.children[0]!;
}

function decodeEntities(text: string, line: () => number): string {
  return text.replace(/&(#x[0-9a-fA-F]+|#\d+|\w+);/g, (_, name: string) => {
    const code = name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    const value = name.startsWith('#') ? String.fromCodePoint(Math.min(code, 0x10ffff)) : ENTITIES[name];
    if (value === undefined) throw new XmlError('undefined entity', line());
    return value;
  });
}

/** Line numbers of ascending offsets. */
function lineCounter(text: string): (offset: number) => number {
  let [at, line] = [0, 1];
  return (offset) => {
    for (; at < offset; at++) if (text[at] === '\n') line++;
    return line;
  };
}
