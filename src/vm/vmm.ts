/** Which virtual machine monitor runs a guest, and why. */

import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { HostError } from '../engine/native.ts';
import { packagePath } from '../engine/paths.ts';

export type VmmChoice = 'auto' | 'kvm' | 'qemu';

export interface Vmm {
  kind: 'kvm' | 'qemu';
  /** One sentence: which was taken and why. */
  reason: string;
  /** For QEMU: the accelerator. */
  accel?: 'kvm' | 'tcg';
  program: string;
}

export const monitorProgram = packagePath('build', 'monitor', 'clicklet-monitor');
/** The generic image; $CLICKLET_GUEST_IMAGE names another. */
export const guestImage =
  process.env.CLICKLET_GUEST_IMAGE ?? packagePath('build', 'guest', 'clicklet-guest.elf');

function findProgram(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((dir) => join(dir, name))
    .find((file) => existsSync(file));
}

/** Why KVM cannot be used, or undefined if it can. */
export function kvmProblem(device = process.env.CLICKLET_KVM ?? '/dev/kvm'): string | undefined {
  if (!existsSync(device))
    return `${device} does not exist (no KVM on this host, or the module is not loaded)`;
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
  } catch {
    return `no permission for ${device} (add the user to the group kvm)`;
  }
  return undefined;
}

/** Choose a monitor. Throws HostError when the wanted one, or any, cannot run here. */
export function chooseVmm(choice: VmmChoice): Vmm {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new HostError(`virtual routers need Linux on x86-64, this is ${process.platform} ${process.arch}`);
  if (!existsSync(guestImage))
    throw new HostError("the guest image is not built: run 'npm run build:native'");
  const problem = kvmProblem();
  const qemu = findProgram('qemu-system-x86_64');
  if (choice !== 'qemu') {
    if (!problem && existsSync(monitorProgram))
      return {
        kind: 'kvm',
        program: monitorProgram,
        reason: choice === 'kvm' ? 'KVM monitor, as asked for' : 'KVM monitor, because /dev/kvm is usable',
      };
    if (choice === 'kvm') throw new HostError(`the KVM monitor cannot run: ${problem ?? 'it is not built'}`);
  }
  if (!qemu)
    throw new HostError(
      choice === 'qemu'
        ? 'QEMU is not installed (apt-get install qemu-system-x86)'
        : `no way to run a guest: ${problem ?? 'the KVM monitor is not built'}, and QEMU is not installed (apt-get install qemu-system-x86)`,
    );
  const accel = problem ? 'tcg' : 'kvm';
  return {
    kind: 'qemu',
    program: qemu,
    accel,
    reason:
      choice === 'qemu'
        ? `QEMU (${accel}), as asked for`
        : `QEMU (${accel}), because ${problem ?? 'the KVM monitor is not built'}`,
  };
}
