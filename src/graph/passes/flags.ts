/** Flags of an element class: letters, each with an optional number, such as `AS3`. */

/** The number behind a letter, 1 where there is none; undefined if the letter is not there. */
export function flagValue(flags: string, letter: string): number | undefined {
  const match = new RegExp(`${letter}(\\d*)`).exec(flags);
  if (!match) return undefined;
  return match[1] === '' ? 1 : Number(match[1]);
}
