/** Memory sizes as people write them. */

/** `5M`, `4096K`, `1G` or bytes; undefined if it is none, or less than a mebibyte. */
export function readSize(text: string): number | undefined {
  const m = /^(\d+)([KMG]?)B?$/i.exec(text);
  const size = Number(m?.[1]) * 1024 ** ' KMG'.indexOf(m?.[2]?.toUpperCase() || ' ');
  return m && size >= 1 << 20 && size <= 2 ** 40 ? size : undefined;
}
