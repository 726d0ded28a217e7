/** What a combined configuration carries along in its archive. */

import type { Component } from '../../graph/passes/combine.ts';
import { type ArchiveMember, newMember } from './archive.ts';
import { decode } from './read.ts';

const ELEMENT_MAP = `<?xml version="1.0" standalone="yes"?>
<elementmap xmlns="http://www.lcdf.org/click/xml/">
  <entry name="RouterLink" processing="l/h" flowcode="x/x" flags="S3" />
</elementmap>
`;

/** What click-uncombine and other tools need to know: the components, and what a RouterLink is. */
export function archiveOf(
  components: readonly (Component & { archive: ArchiveMember[] })[],
  linked: boolean,
): ArchiveMember[] {
  const names = components.flatMap(({ name, archive }) => {
    const nested = archive.find((member) => member.name === 'componentmap');
    const inner = nested ? decode(nested.data).split(/\s+/).filter(Boolean) : [];
    return [name, ...inner.map((part) => `${name}/${part}`)];
  });
  const members = linked ? [newMember('elementmap.xml', ELEMENT_MAP)] : [];
  return [...members, newMember('componentmap', names.map((name) => `${name}\n`).join(''))];
}
