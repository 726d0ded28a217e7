/** SATable: has no function; associations belong to RadixIPsecLookup.
 *
 * Synopsis: `SATable()`
 *
 * In the reference the class can be named in a configuration, but nothing can be put into it. It is accepted
 * for such configurations.
 *
 * Ports: none.
 *
 * Arguments: none.
 *
 * Example: `SATable();`
 */
#include <clicklet/element.h>

typedef struct SATable {
  Element base;
} SATable;

ELEMENT(SATable, .ports = "0/0", .args = NO_ARGS);
