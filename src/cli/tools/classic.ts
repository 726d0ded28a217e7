/**
 * Diagnostics in the reference's words and layout, for scripts that compare whole messages: `CLICK_MESSAGES=classic`
 * in the environment asks for it. One line each, `file:line: message`, and what an element says is indented below
 * `file:line: While configuring 'name :: Class':`. Columns, source lines, notes and guesses are left out.
 */

import type { Diagnostic } from '../../lang/diagnostics.ts';

export const classicMessages = (): boolean => process.env.CLICK_MESSAGES === 'classic';

/** What an element says about itself, as the engine's messages are located. */
const OF_ELEMENT = /^'([^']* :: [^']*)': (.*)$/s;
const GUESS = / ?[(;,]? ?did you mean .*$/s;

export function formatClassic(diagnostics: readonly Diagnostic[], phase = 'configuring'): string {
  let text = '';
  let context = '';
  for (const diagnostic of diagnostics) {
    const { severity, message } = diagnostic;
    const span = placeOf(diagnostic);
    const { file, line } = span?.source.locate(span.start) ?? {};
    const place = file === undefined ? '' : `${file}:${line}: `;
    const kind = severity === 'warning' ? 'warning: ' : '';
    const said = OF_ELEMENT.exec(message);
    if (!said) {
      context = '';
      text += `${place}${kind}${message.replace(GUESS, '')}\n${previousDeclaration(diagnostic)}`;
      continue;
    }
    const next = `${place}While ${phase} '${said[1]}':\n`;
    if (next !== context) text += next;
    context = next;
    text += `${kind}${said[2]}`.replace(/^/gm, '  ');
    text += '\n';
  }
  return text;
}

/** The reference blames the element for a port that is used twice, not the connection. */
function placeOf({ message, span, notes }: Diagnostic): Diagnostic['span'] {
  if (!message.startsWith('illegal reuse')) return span;
  return notes.find((note) => / declared here$/.test(note.message))?.span ?? span;
}

function previousDeclaration({ message, notes }: Diagnostic): string {
  const element = /^redeclaration of (element '.*')$/s.exec(message)?.[1];
  const first = notes.find((note) => note.message === 'first declared here')?.span;
  if (element === undefined || !first) return '';
  const { file, line } = first.source.locate(first.start);
  return `${file}:${line}: ${element} previously declared here\n`;
}
