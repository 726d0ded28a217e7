// A result of engine.mjs as text: one line a figure, and the ratios that belong beside it.
const key = (r) => `${r.scenario}/${r.size}/${r.table?.entries ?? ''}`;
const cells = ['scenario', 'size', 'table', 'engine', 'Mpps', 'range', 'of limit', 'instructions', 'beside it'];
const widths = [16, 5, 17, 12, 8, 16, 9, 13, 0];
const label = (r) => (r.threads > 1 ? `${r.engine} x ${r.threads}` : r.engine);
const line = (list) => list.map((c, i) => (i === 0 || i === 3 || i === 8 ? `${c}`.padEnd(widths[i]) : `${c}`.padStart(widths[i]))).join(' ').trimEnd();

/** How many times as fast as the others of the same scenario, size and table. */
function beside(r, results) {
  const others = results.filter((o) => o !== r && key(o) === key(r) && o.mpps);
  const alone = others.find((o) => o.engine === r.engine && o.threads === 1);
  if (r.threads > 1) return alone ? `${(r.mpps.median / alone.mpps.median).toFixed(1)} x one thread` : '';
  if (r.engine !== 'fused' && r.engine !== 'dynamic') return '';
  return others
    .filter((o) => o.threads === 1 && (r.engine === 'fused' || o.engine !== 'fused'))
    .map((o) => `${(r.mpps.median / o.mpps.median).toFixed(1)} x ${o.engine}`)
    .join(', ');
}

export function printTable({ limit, results }) {
  for (const { size, small, large, instructions } of limit)
    console.log(
      `limit, ${size} bytes: ${small.median.toFixed(1)} Mpps${instructions ? `, ${instructions.toFixed(1)} instructions` : ''}; random destinations ${large.median.toFixed(1)} Mpps`,
    );
  console.log(`\n${line(cells)}`);
  for (const r of results) {
    const table = r.table ? `${r.table.entries} ${r.table.of}` : '';
    if (!r.mpps) {
      console.log(`${line([r.scenario, r.size, table, label(r)])}  not measured: ${r.error}`);
      continue;
    }
    const { median, min, max } = r.mpps;
    const figures = [median.toFixed(2), `${min.toFixed(2)}-${max.toFixed(2)}`, r.ofLimit.toFixed(2)];
    console.log(line([r.scenario, r.size, table, label(r), ...figures, r.instructions?.toFixed(1) ?? '-', beside(r, results)]));
    if (r.error) console.log(`    ${r.error}`);
  }
}
