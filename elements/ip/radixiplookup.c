/** RadixIPLookup: routes IP packets by a table of any size.
 *
 * Synopsis: `RadixIPLookup(ADDR1/MASK1 [GW1] OUT1, ADDR2/MASK2 [GW2] OUT2, ...)`
 *
 * Looks up the destination address annotation (CheckIPHeader and GetIPAddress set it), takes the route with
 * the longest matching prefix, sets the annotation to its gateway if it has one, and emits the packet on its
 * output. Packets without a route are dropped. Any number of different gateways is possible (the reference
 * stops at about 255).
 *
 * Arguments: routes, each a destination prefix (a bare address is a /32; names from AddressInfo work), an
 * optional gateway
 * (`-` for none) and an output port.
 * A second route for the same prefix is ignored with a warning.
 *
 * Handlers: `table` (read): the routes. `lookup` (read, takes an address): output port and gateway, -1 if
 * there is none. `add` (write): `ADDR/MASK [GW] OUT`; fails if there is a route for that prefix. `set`
 * (write): the same, but replaces it. `remove` (write): `ADDR/MASK [[GW] OUT]`. `ctrl` (write): lines of `add
 * ...`, `set ...`, `remove ...`, all done or none. `flush` (write): removes all routes.
 *
 * Example: `Idle -> CheckIPHeader -> rt :: RadixIPLookup(10.0.0.1/32 0, 10.0.0.0/8 1, 0.0.0.0/0 10.0.0.254 1)
 * -> Discard; rt [1] -> Discard;`
 */
#include "iproutes.h"

IP_ROUTES_ELEMENT(RadixIPLookup, ROUTES_RADIX, IP_ROUTES_READ, IP_ROUTES_WRITE, IP_ROUTES_FLUSH);
