/** DevirtualizeInfo: holds wishes for the optimiser click-devirtualize.
 *
 * Synopsis: `DevirtualizeInfo(...)`
 *
 * Ports: none.
 *
 * Arguments: Any. Not looked at: `clicklet fuse` does without.
 *
 * Handlers: none.
 *
 * Example: `DevirtualizeInfo(anything) InfiniteSource(LIMIT 3) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct DevirtualizeInfo {
  Element base;
} DevirtualizeInfo;

static int devirtualizeinfo_configure(Element *e, const Args *args, Errors *errs) {
  (void)e, (void)args, (void)errs;
  return 0;
}

ELEMENT(DevirtualizeInfo, .per_thread = true, .ports = "0/0", .phase = PHASE_INFO,
        .configure = devirtualizeinfo_configure);
