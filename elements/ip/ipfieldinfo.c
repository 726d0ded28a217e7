/** IPFieldInfo: stands for the names of IP header fields.
 *
 * Synopsis: `IPFieldInfo()`
 *
 * The names are always known where they are used (AggregateIP); the element does nothing and need not be
 * used.
 *
 * Example: `IPFieldInfo; Idle -> Discard;`
 */
#include <clicklet/element.h>

typedef struct IPFieldInfo {
  Element base;
} IPFieldInfo;

ELEMENT(IPFieldInfo, .per_thread = true, .ports = "0/0", .args = NO_ARGS);
