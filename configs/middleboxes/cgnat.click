// Carrier-grade NAT (RFC 6888): many subscribers share a small pool of outside addresses.
//
// Port 0 is the access network, 100.64.0.0/10 (RFC 6598), with the gateway address $IN_IP; port 1 the outside with the
// pool $POOL0 ... $POOL3 and the next router $GW. A subscriber always gets the same address of the pool, whatever it
// talks to (RFC 6888, requirement 2). TCP, UDP and pings are translated; TTLs that run out and errors about translated
// packets find the subscriber. What begins outside is dropped.
//
//   clicklet boot cgnat.click --name cgn --mem 16M --port tap:access --port tap:outside -d
//   clicklet handler cgn rw.udp_table       who uses which address and port now
//   clicklet handler cgn refused.count      packets that no mapping could be made for

define($IN_IP 100.64.0.1, $IN_NET 100.64.0.1/10, $IN_MAC 02:00:00:00:00:60,
       $OUT_NET 198.51.100.0/24, $OUT_MAC 02:00:00:00:00:61, $GW 198.51.100.1,
       $POOL0 198.51.100.16, $POOL1 198.51.100.17, $POOL2 198.51.100.18, $POOL3 198.51.100.19,
       $FLOWS 8000);

// Which address a subscriber gets: by consistent hashing, so that a change of the pool moves few of them.
tcp_udp_pool :: SourceIPHashMapper(64 1,
  $POOL0 1024-65535# - - 0 1 0, $POOL1 1024-65535# - - 0 1 1,
  $POOL2 1024-65535# - - 0 1 2, $POOL3 1024-65535# - - 0 1 3);
ping_pool :: SourceIPHashMapper(64 1,
  $POOL0 1024-65535# - - 0 1 0, $POOL1 1024-65535# - - 0 1 1,
  $POOL2 1024-65535# - - 0 1 2, $POOL3 1024-65535# - - 0 1 3);

rw :: IPRewriter(tcp_udp_pool, drop, CAPACITY $FLOWS, UDP_TIMEOUT 300, TCP_TIMEOUT 7440, GUARANTEE 30);
pings :: ICMPPingRewriter(ping_pool, drop, CAPACITY 1000);

in0 :: FromDevice(0, SNAPLEN 9216) -> HostEtherFilter($IN_MAC) -> kind0 :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -);
in1 :: FromDevice(1, SNAPLEN 9216) -> HostEtherFilter($OUT_MAC) -> kind1 :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -);
out0 :: Queue(512) -> ToDevice(0);
out1 :: Queue(512) -> ToDevice(1);
arp0 :: ARPQuerier($IN_IP, $IN_MAC) -> out0;
arp1 :: ARPQuerier($POOL0, $OUT_MAC) -> out1;

kind0[0] -> ARPResponder($IN_IP $IN_MAC) -> out0;
kind0[1] -> [1] arp0;
kind0[3] -> Discard;
kind1[0] -> ARPResponder($POOL0 $POOL1 $POOL2 $POOL3 $OUT_MAC) -> out1;
kind1[1] -> [1] arp1;
kind1[3] -> Discard;

to_inside :: GetIPAddress(16) -> [0] arp0;
to_outside :: LinearIPLookup($OUT_NET 0, 0.0.0.0/0 $GW 0) -> [0] arp1;

// From a subscriber. An address that is not of the access network is forged (BCP 38).
kind0[2] -> Strip(14) -> CheckIPHeader
  -> honest :: IPClassifier(src net 100.64.0.0/10, -)
  -> subscriber :: IPClassifier(dst host $IN_IP and icmp type echo, dst host $IN_IP, tcp or udp, icmp type echo, -);
honest[1] -> forged :: Counter -> Discard;
subscriber[0] -> ICMPPingResponder -> to_inside;
subscriber[1] -> Discard;
subscriber[2] -> ttl0 :: DecIPTTL -> [0] rw;
subscriber[3] -> ttl1 :: DecIPTTL -> [0] pings;
subscriber[4] -> refused :: Counter -> Discard;   // no ports to translate
ttl0[1] -> late :: ICMPError($IN_IP, timeexceeded) -> to_inside;
ttl1[1] -> late;

// From outside: answers, and errors about what subscribers sent.
kind1[2] -> Strip(14) -> CheckIPHeader -> IPClassifier(dst net $OUT_NET) -> world :: IPClassifier(tcp or udp, icmp type echo-reply, icmp type echo, -);
world[0] -> [1] rw;
world[1] -> [1] pings;
world[2] -> ICMPPingResponder -> to_outside;
world[3] -> ICMPRewriter(rw pings) -> to_inside;

rw[0] -> to_outside;      rw[1] -> DecIPTTL -> to_inside;
pings[0] -> to_outside;   pings[1] -> DecIPTTL -> to_inside;
