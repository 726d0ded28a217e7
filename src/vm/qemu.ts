/** The command line that runs our guest image under QEMU's microvm machine. */

import { parsePort } from './ports.ts';

export interface QemuOptions {
  image: string;
  accel: 'kvm' | 'tcg';
  memBytes: number;
  planFile: string;
  /** Socket of the control channel. */
  control: string;
  /** `tap:IFNAME[,mac=..]` or `vhost-user:SOCKET[,mac=..]`. */
  ports: readonly string[];
}

/** Arguments for qemu-system-x86_64. See native/guest/README.md. */
export function qemuArguments(o: QemuOptions): string[] {
  // QEMU's own loader and microvm want some more memory than our monitor; the guest uses what there is.
  const mem = Math.max(o.memBytes, 8 << 20);
  const args = [
    '-machine',
    'microvm,pit=off,pic=off,rtc=off,acpi=off,memory-backend=ram',
    '-accel',
    o.accel,
    '-cpu',
    'max,-arch-capabilities',
    '-m',
    `${mem >> 20}M`,
    '-object',
    `memory-backend-memfd,id=ram,size=${mem >> 20}M,share=on`,
    '-global',
    'virtio-mmio.force-legacy=false',
    '-nodefaults',
    '-no-user-config',
    '-nographic',
    '-no-reboot',
    '-serial',
    'stdio',
    '-device',
    'isa-debug-exit,iobase=0xf4,iosize=1',
    '-kernel',
    o.image,
    '-initrd',
    o.planFile,
    '-device',
    'virtio-serial-device',
    '-chardev',
    `socket,id=control,path=${doubled(o.control)},server=on,wait=off`,
    '-device',
    'virtconsole,chardev=control',
  ];
  for (const [i, port] of o.ports.entries()) {
    const { kind, arg, mac } = parsePort(port);
    if (kind === 'tap') args.push('-netdev', `tap,id=n${i},ifname=${doubled(arg)},script=no,downscript=no`);
    else
      args.push(
        '-chardev',
        `socket,id=c${i},path=${doubled(arg)},reconnect=1`,
        '-netdev',
        `vhost-user,id=n${i},chardev=c${i}`,
      );
    args.push('-device', `virtio-net-device,netdev=n${i}${mac ? `,mac=${mac}` : ''}`);
  }
  return args;
}

/** QEMU option values double their commas. */
const doubled = (value: string): string => value.replaceAll(',', ',,');
