// The path of RFC 1812 through a router with four interfaces: 64-byte frames from memory enter interface 0 and leave
// interface 1. Each packet passes Classifier, Paint, Strip, CheckIPHeader, StaticIPLookup, DropBroadcasts, PaintTee,
// IPGWOptions, FixIPSrc, DecIPTTL, IPFragmenter and EtherEncap; next hops are known, so that only the router is measured.
define($LIMIT 10000000);

elementclass Receive { $color |
  input -> kind :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -);
  kind[0], kind[1], kind[3] => [0, 0, 0] Discard;
  kind[2] -> Paint($color) -> Strip(14) -> output;
}

elementclass Forward { $ip, $mac, $next, $color |
  input -> DropBroadcasts -> redirect :: PaintTee($color) -> options :: IPGWOptions($ip) -> FixIPSrc($ip)
    -> ttl :: DecIPTTL -> frag :: IPFragmenter(1500) -> EtherEncap(0x0800, $mac, $next) -> c :: Counter -> Discard;
  redirect[1] -> ICMPError($ip, redirect, host) -> [1] output;
  options[1] -> ICMPError($ip, parameterproblem) -> [1] output;
  ttl[1] -> ICMPError($ip, timeexceeded) -> [1] output;
  frag[1] -> ICMPError($ip, unreachable, needfrag) -> [1] output;
  Idle -> [0] output;
}

InfiniteSource(DATA \<
    02000000 00100200 00000099 0800
    4500 0032 0000 4000 4011 25b8 0a000002 0a000102
    0400 0009 001e 0000 0000000000000000000000000000000000000000 0000>,
  LIMIT $LIMIT, STOP true, TIMESTAMP false)
  -> in0 :: Receive(1);
Idle -> in1 :: Receive(2);
Idle -> in2 :: Receive(3);
Idle -> in3 :: Receive(4);

routes :: StaticIPLookup(
  10.0.0.1/32 0, 10.0.1.1/32 0, 10.0.2.1/32 0, 10.0.3.1/32 0,
  10.0.0.255/32 0, 10.0.1.255/32 0, 10.0.2.255/32 0, 10.0.3.255/32 0, 255.255.255.255/32 0,
  10.0.0.0/24 1, 10.0.1.0/24 2, 10.0.2.0/24 3, 10.0.3.0/24 4,
  0.0.0.0/0 10.0.3.2 4);
in0, in1, in2, in3 => [0, 0, 0, 0] check ::
  CheckIPHeader(INTERFACES 10.0.0.1/24 10.0.1.1/24 10.0.2.1/24 10.0.3.1/24) -> routes;

routes[0] -> Discard;
routes[1] -> out0 :: Forward(10.0.0.1, 02:00:00:00:00:10, 02:00:00:00:00:20, 1);
routes[2] -> out1 :: Forward(10.0.1.1, 02:00:00:00:00:11, 02:00:00:00:00:21, 2);
routes[3] -> out2 :: Forward(10.0.2.1, 02:00:00:00:00:12, 02:00:00:00:00:22, 3);
routes[4] -> out3 :: Forward(10.0.3.1, 02:00:00:00:00:13, 02:00:00:00:00:23, 4);
out0[1], out1[1], out2[1], out3[1] => [0, 0, 0, 0] routes;
out0, out1, out2, out3 => [0, 0, 0, 0] Discard;
