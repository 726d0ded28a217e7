/** LookupIPRouteMP: finds routes in a fixed IP routing table: StaticIPLookup under an old name.
 *
 * Synopsis: `LookupIPRouteMP(ADDR1/MASK1 [GW1] OUT1, ADDR2/MASK2 [GW2] OUT2, ...)`
 *
 * The reference's has a cache for each processor; the table here needs none.
 *
 * Arguments: routes, as of StaticIPLookup.
 *
 * Handlers: `table` (read): the routes. `lookup` (read, takes an address): output port and gateway, -1 if
 * there is none.
 *
 * Example: `Idle -> CheckIPHeader -> rt :: LookupIPRouteMP(10.0.0.1/32 0, 10.0.0.0/8 1, 0.0.0.0/0 10.0.0.254
 * 1) -> Discard; rt [1] -> Discard;`
 */
#include "iproutes.h"

IP_ROUTES_ELEMENT(LookupIPRouteMP, ROUTES_STATIC, IP_ROUTES_READ);
