// An IP router between two networks for two engine threads: clicklet run --threads 2 two-threads.click
// What keeps state or a device is on one thread: each side's device, queue and ARP table. What only looks at packets
// (Classifier to DecIPTTL) is on both, so a packet changes threads once, in front of the other side's ARPQuerier.
// `clicklet check --threads 2 two-threads.click` says so.
AddressInfo(left 10.9.1.1/24 02:00:00:00:09:01, right 10.9.2.1/24 02:00:00:00:09:02);

l :: FromDevice(tap:left0) -> lc :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800);
r :: FromDevice(tap:right0) -> rc :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800);
lo :: Queue(1000) -> ToDevice(tap:left0);
ro :: Queue(1000) -> ToDevice(tap:right0);

lc[0] -> ARPResponder(left) -> lo;
rc[0] -> ARPResponder(right) -> ro;
la :: ARPQuerier(left) -> lo;
ra :: ARPQuerier(right) -> ro;
lc[1] -> [1] la;
rc[1] -> [1] ra;

ip :: Strip(14) -> CheckIPHeader -> count :: Counter
  -> rt :: LinearIPLookup(10.9.1.1/32 0, 10.9.2.1/32 0, 10.9.1.0/24 1, 10.9.2.0/24 2);
lc[2] -> ip;
rc[2] -> ip;
rt[0] -> ICMPPingResponder -> back :: LinearIPLookup(10.9.1.0/24 0, 10.9.2.0/24 1);
back[0] -> la;
back[1] -> ra;
rt[1] -> lttl :: DecIPTTL -> la;
rt[2] -> rttl :: DecIPTTL -> ra;
lttl[1] -> Discard;
rttl[1] -> Discard;
