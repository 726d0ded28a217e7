/** IPNameInfo: stands for the names of IP protocols, ports and ICMP types.
 *
 * Synopsis: `IPNameInfo()`
 *
 * The names are always known; the element does nothing and need not be used.
 *
 * Example: `IPNameInfo; Idle -> Discard;`
 */
#include <clicklet/element.h>

typedef struct IPNameInfo {
  Element base;
} IPNameInfo;

ELEMENT(IPNameInfo, .per_thread = true, .ports = "0/0", .args = NO_ARGS);
