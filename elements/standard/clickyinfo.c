/** ClickyInfo: holds styles for graphical tools.
 *
 * Synopsis: `ClickyInfo(...)`
 *
 * Ports: none.
 *
 * Arguments: STYLE (any text): for the tool that draws the configuration. Not looked at.
 *
 * Handlers: none.
 *
 * Example: `ClickyInfo(anything) InfiniteSource(LIMIT 3) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct ClickyInfo {
  Element base;
} ClickyInfo;

static int clickyinfo_configure(Element *e, const Args *args, Errors *errs) {
  (void)e, (void)args, (void)errs;
  return 0;
}

ELEMENT(ClickyInfo, .per_thread = true, .ports = "0/0", .phase = PHASE_INFO,
        .configure = clickyinfo_configure);
