// A broadband remote access server: subscribers dial in with PPPoE and get an address; their packets are routed.
//
// Port 0 is the access network, where $MAC answers PPPoE discovery; port 1 the provider's network with the address
// $CORE_IP and the next router $GW, which has a route for $POOL through us. A subscriber may send from the address that
// its session was given and from no other. There is no authentication: who is on the access network may dial in.
//
//   clicklet boot bras.click --name bras --port tap:access --port tap:core -d
//   clicklet handler bras sessions.sessions        number, Ethernet and IP address, state, traffic of each session
//   clicklet handler bras sessions.terminate 1     hang up

define($MAC 02:00:00:00:00:80, $IP 100.70.0.1, $POOL 100.70.0.0/24, $DNS 10.2.0.53, $SESSIONS 200,
       $CORE_IP 10.2.0.2, $CORE_NET 10.2.0.2/24, $CORE_MAC 02:00:00:00:00:81, $GW 10.2.0.1);

sessions :: PPPoEServer($MAC, $IP, $POOL, DNS $DNS, SESSIONS $SESSIONS);

FromDevice(0, SNAPLEN 9216) -> access :: Classifier(12/8863, 12/8864, -);
access[0] -> dialled :: Counter -> [0] sessions;
access[1] -> [0] sessions;
access[2] -> Discard;                                  // nothing but PPPoE comes in here
sessions[0] -> Queue(512) -> ToDevice(0);

FromDevice(1, SNAPLEN 9216) -> HostEtherFilter($CORE_MAC) -> kind :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -);
out :: Queue(512) -> ToDevice(1);
arp :: ARPQuerier($CORE_IP, $CORE_MAC) -> out;
kind[0] -> ARPResponder($CORE_IP $CORE_MAC) -> out;
kind[1] -> [1] arp;
kind[3] -> Discard;

routes :: LinearIPLookup($IP/32 0, $CORE_IP/32 0, $POOL 1, $CORE_NET 2, 0.0.0.0/0 $GW 2);
sessions[1] -> from_subscribers :: Counter -> CheckIPHeader -> routes;
kind[2] -> Strip(14) -> CheckIPHeader -> routes;

// To subscribers; an address that nobody has now is unreachable.
routes[1] -> to_subscribers :: Counter -> ttl1 :: DecIPTTL -> [1] sessions;
sessions[2] -> ICMPError($IP, unreachable, host) -> routes;
routes[2] -> ttl2 :: DecIPTTL -> [0] arp;
ttl1[1] -> late :: ICMPError($IP, timeexceeded) -> routes;
ttl2[1] -> late;

// For ourselves.
routes[0] -> local :: IPClassifier(icmp type echo, -);
local[0] -> ICMPPingResponder -> routes;
local[1] -> Discard;
