/** The parser module that peggy generates from click.peggy. Use it through parse.ts. */
export function parse(input: string, options: { host: object }): unknown;
