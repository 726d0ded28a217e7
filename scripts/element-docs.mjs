// `npm run docs`: docs/elements/ from the comments at the head of the element sources, one page for each package.
// With `--check` it writes nothing and exits 1 if a page is not what it would write.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Classes by the file that defines them: some files define several, documented as one. */
const classes = JSON.parse(readFileSync(join(root, 'src/generated/elements.json'), 'utf8')).classes;

/** The documentation of every element, by package. */
function readElements() {
  const byPackage = new Map();
  for (const name of readdirSync(join(root, 'elements')).sort()) {
    const folder = join(root, 'elements', name);
    const files = readdirSync(folder).filter((file) => file.endsWith('.c'));
    const elements = files.flatMap((file) => {
      const block = /^\/\*\*([\s\S]*?)\*\//.exec(readFileSync(join(folder, file), 'utf8'))?.[1];
      const text = block?.replace(/^ ?\* ?/gm, '').trim();
      const head = text && /^(\w+):\s+([\s\S]*?)(?:\n\n|$)/.exec(text);
      if (!head) return [];
      const summary = head[2].replace(/\s+/g, ' ');
      const others = classes
        .filter((c) => c.file === `elements/${name}/${file}` && c.name !== head[1])
        .map((c) => c.name);
      return [{ name: head[1], others, summary, file, body: text.slice(head[0].length).trim() }];
    });
    const sorted = elements.sort((a, b) => (a.name < b.name ? -1 : 1));
    if (sorted.length > 0) byPackage.set(name, sorted);
  }
  return byPackage;
}

/** Text outside of `code`, so that Markdown shows it as it is. */
function escapeText(text) {
  return text
    .split(/(`[^`]*`)/)
    .map((part, i) => (i % 2 ? part : part.replace(/[\\<>*_[\]|]/g, '\\$&')))
    .join('');
}

/** The paragraphs of a comment; what they begin with ("Handlers:") in bold. Lists keep their lines. */
function paragraphs(body) {
  return body
    .split(/\n{2,}/)
    .map((text) => escapeText(text).replace(/^([A-Z][a-z]+):/, '**$1:**'))
    .join('\n\n');
}

const NOTE = '<!-- Made by `npm run docs` from elements/. Change it there. -->\n';

function packagePage(name, elements) {
  const parts = elements.map(({ name: element, others, summary, file, body }) => {
    const source = `[elements/${name}/${file}](../../elements/${name}/${file})`;
    const also = others.length > 0 ? `In the same file: ${others.join(', ')}.\n\n` : '';
    const sentence = escapeText(summary[0].toUpperCase() + summary.slice(1));
    return `## ${element}\n\n${sentence}\n\n${paragraphs(body)}\n\n${also}${source}\n`;
  });
  return `${NOTE}\n# Elements: ${name}\n\n[All packages](README.md)\n\n${parts.join('\n')}`;
}

function indexPage(packages) {
  const parts = [...packages].map(([name, elements]) => {
    const lines = elements.map((e) => {
      const also = e.others.length > 0 ? ` (also ${e.others.join(', ')})` : '';
      return `- [${e.name}](${name}.md#${e.name.toLowerCase()})${also}: ${escapeText(e.summary)}`;
    });
    return `## [${name}](${name}.md)\n\n${lines.join('\n')}\n`;
  });
  return `${NOTE}\n# Elements\n\n${classes.length} element classes, by package. \`clicklet explain NAME\` prints the same text.\n\n${parts.join('\n')}`;
}

const packages = readElements();
const pages = new Map([['README.md', indexPage(packages)]]);
for (const [name, elements] of packages) pages.set(`${name}.md`, packagePage(name, elements));

const out = join(root, 'docs/elements');
const present = existsSync(out) ? readdirSync(out) : [];
const stale = [
  ...[...pages].filter(
    ([file, text]) => !present.includes(file) || readFileSync(join(out, file), 'utf8') !== text,
  ),
  ...present.filter((file) => !pages.has(file)).map((file) => [file, undefined]),
];
if (process.argv.includes('--check')) {
  for (const [file] of stale) console.error(`docs/elements/${file} is out of date: run 'npm run docs'`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  mkdirSync(out, { recursive: true });
  for (const [file, text] of stale) {
    if (text === undefined) rmSync(join(out, file));
    else writeFileSync(join(out, file), text);
  }
}
