/** Tables for terminals: columns, no rules. */

import Table from 'cli-table3';

const RULES = ['top', 'bottom', 'left', 'right', 'mid'].flatMap((side) =>
  side === 'top' || side === 'bottom'
    ? [side, `${side}-mid`, `${side}-left`, `${side}-right`]
    : side === 'mid'
      ? ['mid', 'mid-mid']
      : [side, `${side}-mid`],
);

/** Rows under a head, columns two blanks apart. Ends with a newline. */
export function plainTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  align: 'left' | 'right' = 'left',
): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map(() => align),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    chars: Object.fromEntries([...RULES, 'middle'].map((k) => [k, ''])),
  });
  table.push(...rows.map((r) => [...r]));
  return `${table.toString().replace(/ +$/gm, '')}\n`;
}
