/** The parts that report pages are made of. */

export const text = (raw: string): string =>
  raw.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

const STYLE = `
:root { color-scheme: light; }
body { background: #fff; font: 15px/1.5 system-ui, sans-serif; color: #1f2328; max-width: 1180px; margin: 2rem auto; padding: 0 1rem; }
h3 { font-size: 1rem; } summary { cursor: pointer; color: #59636e; } .graph { overflow-x: auto; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.muted { color: #59636e; }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1rem 0; }
.tile { border: 1px solid #d1d9e0; border-radius: 8px; padding: .6rem 1rem; min-width: 8rem; }
.tile b { display: block; font-size: 1.3rem; }
.charts { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-end; }
figure { margin: 0; } figcaption { color: #59636e; font-size: .9rem; }
table { display: block; overflow-x: auto; border-collapse: collapse; margin: .8rem 0; font-size: 14px; }
th, td { padding: .25rem .5rem; border-bottom: 1px solid #d1d9e0; text-align: right; white-space: nowrap; }
th { font-weight: 600; vertical-align: bottom; } .left { text-align: left; } td.left { white-space: normal; }
pre { background: #f6f8fa; border-radius: 8px; padding: 1rem; overflow-x: auto; font-size: 13px; line-height: 1.4; white-space: pre-wrap; overflow-wrap: anywhere; }
svg { max-width: 100%; height: auto; }
@media print { body { max-width: none; margin: 0; font-size: 11px; } table { display: table; } th, td { padding: .15rem .3rem; }
  figure, tr, .tile { break-inside: avoid; } h2, h3 { break-after: avoid; } }`;

export const tile = (value: string, what: string): string =>
  `<div class="tile"><b>${text(value)}</b>${text(what)}</div>`;
export const figure = (svg: string, caption: string): string =>
  `<figure>${svg}<figcaption>${text(caption)}</figcaption></figure>`;
export const row = (cells: readonly string[], tag = 'td'): string =>
  `<tr>${cells.map((c) => `<${tag}>${text(c)}</${tag}>`).join('')}</tr>`;
export const pair = (name: string, value: string): string =>
  `<tr><th class="left">${text(name)}</th><td class="left">${text(value)}</td></tr>`;

/** A whole page. Everything is inside it: it can be mailed or archived as it is. */
export const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`;
