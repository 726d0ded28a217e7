/** Streams from command line flags, among them headers in one word: `ether/vlan(id=5)/ipv4(dst=10.0.0.1-10.0.0.9)/udp`. */

import { StreamError } from './stream.ts';

/** Split on `separator` outside brackets. */
function split(text: string, separator: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const c of text) {
    if (c === '(' || c === '[') depth++;
    if (c === ')' || c === ']') depth--;
    if (c === separator && depth === 0) parts.push('');
    else parts[parts.length - 1] += c;
  }
  return parts.map((p) => p.trim());
}

function value(text: string): unknown {
  const list = /^\[(.*)\]$/s.exec(text);
  if (list) return split(list[1]!, ',');
  if (text === 'true' || text === 'false') return text === 'true';
  return text;
}

/** The value of `--layers` as a stream file would have it. Throws StreamError. */
export function parseLayersFlag(text: string): unknown[] {
  return split(text, '/').map((part) => {
    const m = /^([a-z0-9]+)(?:\((.*)\))?$/s.exec(part);
    if (!m)
      throw new StreamError(
        `--layers: '${part}': expected HEADER or HEADER(FIELD=VALUE,...), such as ether/vlan(id=5)/ipv4/udp`,
      );
    if (m[2] === undefined) return m[1]!;
    const fields = split(m[2], ',').filter(Boolean);
    return {
      [m[1]!]: Object.fromEntries(
        fields.map((field) => {
          const at = field.indexOf('=');
          if (at < 1) throw new StreamError(`--layers: '${field}': expected FIELD=VALUE`);
          return [field.slice(0, at).trim(), value(field.slice(at + 1).trim())];
        }),
      ),
    };
  });
}
