/** The form of a topology file: what `clicklet up` accepts, before names and configurations are looked at. */

import { z } from 'zod';

const name = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,57}$/;
const nameMessage = "a name has letters, digits, '.', '_' and '-', 58 at most";

const router = z.strictObject({
  /** Configuration file, relative to the topology file. */
  config: z.string(),
  /** Guest memory: `5M`. */
  mem: z.union([z.string(), z.number()]).optional(),
  /** Variables of the configuration. */
  vars: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  /** `tap:IFNAME`, `vhost-user:SOCKET`, `switch:NAME`, `link:NAME`: the router's port 0, 1, ... */
  ports: z.array(z.string()).optional(),
  cpu: z.int().min(0).optional(),
  vmm: z.enum(['auto', 'kvm', 'qemu']).optional(),
  /** Seconds without work after which it is parked. */
  'park-after': z
    .int()
    .min(1)
    .max(2 ** 30 - 1)
    .optional(),
  /** So many routers, NAME-1, NAME-2, ...; `%n` in vars and ports is the number. */
  replicas: z.int().min(1).max(10_000).optional(),
});

const hostSwitch = z.strictObject({
  /** A configuration with FromDevice(0), ToDevice(0), ... instead of a learning switch of as many ports as are used. */
  config: z.string().optional(),
});

const tap = z.strictObject({
  /** The network namespace it is moved to. */
  netns: z.string().optional(),
  /** `10.0.0.2/24` */
  address: z.string().optional(),
  /** Where the namespace's default route goes. */
  gateway: z.string().optional(),
});

export const topologySchema = z.strictObject({
  /** Default: the name of the folder for clicklet.yaml, else of the file. */
  name: z.string().regex(name, nameMessage).optional(),
  routers: z.record(z.string().regex(name, nameMessage), router),
  switches: z.record(z.string().regex(name, nameMessage), hostSwitch.nullable()).optional(),
  /** TAP interfaces that `up` makes and `down` removes. */
  taps: z.record(z.string(), tap.nullable()).optional(),
});

export type TopologyFile = z.infer<typeof topologySchema>;
