/* main.c: the guest from its first ring-3 instruction to its end. */
#include "guest.h"
#include <clicklet/fused.h>

/* In an image that was made for one configuration (clicklet build): its plan and its fused unit. */
__attribute__((weak)) extern const char image_plan[], image_plan_end[];
__attribute__((weak)) extern const FusedUnit clicklet_fused_unit;

void image_fuse(Engine *e) {
  Errors errs = {.element = -1, .silent = true};
  if (&clicklet_fused_unit) engine_fuse(e, &clicklet_fused_unit, &errs);
  errors_clear(&errs);
}

GuestBoot guest_boot __attribute__((aligned(4096)));

__asm__(".globl user_start\n"
        "user_start:\n"
        "  xor %ebp, %ebp\n"
        "  and $-16, %rsp\n"
        "  call guest_main\n"
        "  ud2\n");
_Noreturn void guest_main(void);

/* Half of what is free becomes packets; the rest is for the router's tables. */
static uint32_t pool_packets(void) {
  uint64_t n = pages_free() / 2 / sizeof(Packet);
  return n > 1u << 20 ? 1u << 20 : (uint32_t)n;
}

static void print_errors(const Errors *errs) {
  for (uint32_t i = 0; i < errs->count; i++)
    console_printf("%s%s\n", errs->records[i].warning ? "warning: " : "",
                   errs->records[i].message ? errs->records[i].message : "out of memory");
}

/* Installs the boot plan and says how that went. */
static void boot_plan(Engine *e) {
  GuestReport *r = &guest_boot.report;
  Errors errs = {.element = -1};
  memory_refused();
  bool given = guest_boot.plan_size > 0;
  int rc = engine_install(e, given ? (const void *)guest_boot.plan : image_plan,
                          given ? guest_boot.plan_size : (size_t)(image_plan_end - image_plan), &errs);
  uint64_t refused = memory_refused();
  if (given)
    pages_release(guest_boot.plan,
                  (guest_boot.plan + guest_boot.plan_size + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1));
  if (!rc) image_fuse(e);
  r->tsc_configured = cpu_tsc();
  r->memory_free = pages_free();
  if (rc) {
    print_errors(&errs);
    if (refused) { /* and tables about the pages, and some packets; in steps of 256 KB */
      r->memory_needed = (guest_boot.memory + refused + refused / 128 + (5 << 18) - 1) & ~UINT64_C(0x3ffff);
      format_into(r->reason, sizeof r->reason, "too little memory: %lu bytes are not enough, try %lu",
                  guest_boot.memory, r->memory_needed);
    } else {
      format_into(r->reason, sizeof r->reason, "the configuration was refused: %s",
                  errs.count && errs.records[0].message ? errs.records[0].message : "");
    }
  }
  channel_boot_event(rc, &errs);
  doorbell_state(!rc ? GUEST_CONFIGURED : refused ? GUEST_OUT_OF_MEMORY : GUEST_REFUSED);
  errors_clear(&errs);
}

/* Elements that have something to say at the end say it. Frames that were sent stay where the device reads
 * them. */
static _Noreturn void stop(Engine *e, const char *reason) {
  format_into(guest_boot.report.reason, sizeof guest_boot.report.reason, "%s", reason);
  channel_flush();
  engine_uninstall(e);
  doorbell_state(GUEST_STOPPED);
  guest_exit(0);
}

void guest_main(void) {
  GuestReport *r = &guest_boot.report;
  if (monitored()) r->tsc_started = cpu_tsc();
  clock_init();
  pvh_init();
  pages_init();
  EngineOptions options = {.pool_packets = pool_packets(),
                           .simulated_time = guest_boot.flags & GUEST_FLAG_SIMULATED};
  Engine *e = engine_new(&options);
  if (!e) platform_panic("out of memory for the engine");
  channel_init(e);
  net_init(options.pool_packets);
  r->tsc_platform = cpu_tsc();
  r->state = GUEST_STARTED;
  if (!monitored())
    console_printf("clicklet guest: %lu KB of memory, %lu free, TSC %lu kHz\n", guest_boot.memory >> 10,
                   pages_free() >> 10, guest_boot.tsc_khz);
  if (guest_boot.plan_size || image_plan_end > image_plan)
    boot_plan(e);
  else
    channel_boot_event(0, &(Errors){0});
  while (!engine_router(e) && !guest_stop) { /* until a plan is installed */
    platform_wait(e, INT64_MAX);
    channel_run(e);
  }
  if (!guest_stop && !(guest_boot.flags & GUEST_FLAG_QUIT)) engine_run(e);
  if (guest_boot.flags & GUEST_FLAG_STAY && !guest_stop) {
    doorbell_state(GUEST_RESTING);
    while (!guest_stop) {
      platform_wait(e, INT64_MAX);
      channel_run(e);
    }
  }
  stop(e, guest_stop ? "stopped" : "the router stopped itself");
}
