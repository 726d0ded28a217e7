// Network address translation: the hosts of an inside network share one outside address.
//
// Port 0 is the inside with the gateway address $IN_IP, port 1 the outside with $OUT_IP and the next router $GW.
// Where more networks are inside, behind another router, $IN_GW is that router.
//
//   clicklet boot nat.click --name nat --port tap:inside --port tap:outside -d
//   clicklet handler nat rw.nmappings

define($IN_IP 10.0.0.1,  $IN_NET 10.0.0.1/24,  $IN_MAC 02:00:00:00:00:20, $IN_GW 0.0.0.0,
       $OUT_IP 10.0.1.1, $OUT_NET 10.0.1.1/24, $OUT_MAC 02:00:00:00:00:21, $GW 10.0.1.2);

elementclass Receive { $ip, $mac | // output 0: IP packets, 1: ARP replies, 2: our answers
  input -> HostEtherFilter($mac) -> kind :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -);
  kind[0] -> ARPResponder($ip $mac) -> [2] output;
  kind[1] -> [1] output;
  kind[2] -> Strip(14) -> CheckIPHeader -> [0] output;
  kind[3] -> Discard;
}

FromDevice(0, SNAPLEN 9216) -> inside :: Counter -> rx0 :: Receive($IN_IP, $IN_MAC);
FromDevice(1, SNAPLEN 9216) -> outside :: Counter -> rx1 :: Receive($OUT_IP, $OUT_MAC);
out0 :: Queue(512) -> ToDevice(0);
out1 :: Queue(512) -> ToDevice(1);
arp0 :: ARPQuerier($IN_IP, $IN_MAC) -> out0;    rx0[1] -> [1] arp0;   rx0[2] -> out0;
arp1 :: ARPQuerier($OUT_IP, $OUT_MAC) -> out1;  rx1[1] -> [1] arp1;   rx1[2] -> out1;

// Input 0: from inside, translated; output 0: to the outside. Input 1: from outside; output 1: to the inside.
rw :: IPRewriter(pattern $OUT_IP 1024-65535# - - 0 1, drop, CAPACITY 1000);
pings :: ICMPPingRewriter(pattern $OUT_IP 1024-65535# - - 0 1, drop, CAPACITY 200);

rx0[0] -> from_inside :: IPClassifier(dst host $IN_IP and icmp type echo, dst host $IN_IP, tcp or udp, icmp type echo, -);
from_inside[0] -> ICMPPingResponder -> to_inside :: LinearIPLookup($IN_NET 0, 0.0.0.0/0 $IN_GW 0) -> [0] arp0;
from_inside[1] -> Discard;
from_inside[2] -> ttl_rw :: DecIPTTL -> [0] rw;
from_inside[3] -> ttl_pings :: DecIPTTL -> [0] pings;
ttl_rw[1] -> late :: ICMPError($IN_IP, timeexceeded) -> to_inside;   // for traceroute
ttl_pings[1] -> late;
from_inside[4] -> Discard;

rx1[0] -> from_outside :: IPClassifier(tcp or udp, icmp type echo-reply, dst host $OUT_IP and icmp type echo, -);
from_outside[0] -> [1] rw;
from_outside[1] -> [1] pings;
from_outside[2] -> ICMPPingResponder -> to_outside :: LinearIPLookup($OUT_NET 0, 0.0.0.0/0 $GW 0) -> [0] arp1;
from_outside[3] -> errors :: ICMPRewriter(rw pings) -> to_inside;   // errors about our flows find the host they concern

rw[0] -> to_outside;      rw[1] -> DecIPTTL -> to_inside;
pings[0] -> to_outside;   pings[1] -> DecIPTTL -> to_inside;
