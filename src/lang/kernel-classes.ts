/** Element classes that Click has in its kernel modules only, and what does their work in a process or a guest. */

const alternatives: Readonly<Record<string, string>> = {
  CycleCountAccum: 'SetTimestamp and TimestampAccum',
  FromUserDevice: 'FromSocket or KernelTun',
  PerfCountAccum: 'SetTimestamp and TimestampAccum',
  PerfCountInfo: 'SetTimestamp and TimestampAccum',
  PollDevice: 'FromDevice',
  RTCycles: 'SetTimestamp and TimestampAccum',
  ScheduleLinux: 'ScheduleInfo',
  SetCycleCount: 'SetTimestamp and TimestampAccum',
  SetPerfCount: 'SetTimestamp and TimestampAccum',
  ThreadMonitor: "an element's 'tickets' and 'scheduled' handlers",
  ToHostSniffers: 'ToDump or KernelTap',
  ToUserDevice: 'ToSocket or KernelTun',
};

/** ` (only in ...)` for a class of the kernel modules, or the empty string. */
export function kernelOnly(name: string): string {
  if (!Object.hasOwn(alternatives, name)) return '';
  return ` (Click has it in the kernel only; here use ${alternatives[name]})`;
}
