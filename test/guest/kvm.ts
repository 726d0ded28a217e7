/** The monitor and the guest as they are built, and why guests cannot be started here. */

import { accessSync, constants, existsSync } from 'node:fs';
import { packagePath } from '../../src/engine/paths.ts';

export const monitor = packagePath('build', 'monitor', 'clicklet-monitor');
export const image = packagePath('build', 'guest', 'clicklet-guest.elf');

export function whyNoGuest(): string | undefined {
  if (!existsSync(monitor) || !existsSync(image)) return 'monitor and image are not built';
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    return 'no access to /dev/kvm';
  }
  return undefined;
}
