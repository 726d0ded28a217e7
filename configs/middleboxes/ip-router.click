// An IPv4 router with two interfaces, following RFC 1812.
//
// Ports 0 and 1 are the first two network devices: the NICs of a virtual router, or what `clicklet run --port` names.
// Every parameter can be given on the command line, as in
// `clicklet boot ip-router.click IP0=192.0.2.1 NET0=192.0.2.1/24 BCAST0=192.0.2.255`.
//
//   clicklet boot ip-router.click --name r1 --port tap:t0 --port tap:t1 -d
//   clicklet run ip-router.click --port tap:t0 --port tap:t1

define($IP0 10.0.0.1,  $NET0 10.0.0.1/24,  $BCAST0 10.0.0.255,  $MAC0 02:00:00:00:00:10,
       $IP1 10.0.1.1,  $NET1 10.0.1.1/24,  $BCAST1 10.0.1.255,  $MAC1 02:00:00:00:00:11,
       $GW 10.0.1.2,   // where everything else goes, on port 1
       $MTU 1500);

// The way out of one interface: everything RFC 1812 asks for between the routing table and the wire.
// Output 0 carries frames to send, output 1 ICMP errors for the routing table.
elementclass Forward { $ip, $mac, $color, $mtu |
  input[0] -> DropBroadcasts
    -> redirect :: PaintTee($color)                 // back out where it came in: also tell the sender of a better way
    -> options :: IPGWOptions($ip)
    -> FixIPSrc($ip)                                // our own ICMP errors get our address
    -> ttl :: DecIPTTL
    -> frag :: IPFragmenter($mtu)
    -> [0] arp :: ARPQuerier($ip, $mac)
    -> [0] output;
  input[1] -> [1] arp;                              // ARP replies

  redirect[1] -> ICMPError($ip, redirect, host) -> [1] output;
  options[1] -> ICMPError($ip, parameterproblem) -> [1] output;
  ttl[1] -> ICMPError($ip, timeexceeded) -> [1] output;
  frag[1] -> ICMPError($ip, unreachable, needfrag, PMTU $mtu) -> [1] output;
}

// What arrives on one interface. Output 0: IP packets, 1: ARP replies, 2: our answers to ARP requests.
elementclass Receive { $ip, $mac, $color |
  input -> HostEtherFilter($mac)
    -> kind :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -);
  kind[0] -> ARPResponder($ip $mac) -> [2] output;
  kind[1] -> [1] output;
  kind[2] -> Paint($color) -> Strip(14) -> [0] output;
  kind[3] -> Discard;
}

in0 :: FromDevice(0, SNAPLEN 9216);   out0 :: Queue(512) -> ToDevice(0);
in1 :: FromDevice(1, SNAPLEN 9216);   out1 :: Queue(512) -> ToDevice(1);

rx0 :: Receive($IP0, $MAC0, 1);   tx0 :: Forward($IP0, $MAC0, 1, $MTU);
rx1 :: Receive($IP1, $MAC1, 2);   tx1 :: Forward($IP1, $MAC1, 2, $MTU);

routes :: StaticIPLookup(
  $IP0/32 0, $BCAST0/32 0, $IP1/32 0, $BCAST1/32 0, 255.255.255.255/32 0,   // us
  $NET0 1, $NET1 2, 0.0.0.0/0 $GW 2);

in0 -> c0 :: Counter -> rx0;
in1 -> c1 :: Counter -> rx1;
rx0[0] -> check :: CheckIPHeader(INTERFACES $NET0 $NET1) -> routes;
rx1[0] -> check;
rx0[1] -> [1] tx0;   rx0[2] -> out0;
rx1[1] -> [1] tx1;   rx1[2] -> out1;

routes[1] -> [0] tx0;   tx0[0] -> out0;   tx0[1] -> routes;
routes[2] -> [0] tx1;   tx1[0] -> out1;   tx1[1] -> routes;

// For ourselves: answer pings; say that there is nothing else here.
routes[0] -> local :: IPClassifier(icmp type echo, ip proto udp or ip proto tcp, -);
local[0] -> ICMPPingResponder -> routes;
local[1] -> ICMPError($IP0, unreachable, port) -> routes;
local[2] -> Discard;
