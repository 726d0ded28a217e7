// A flow monitor on a wire: everything passes, and who talks to whom, and how much, can be asked at any time.
//
// Ports 0 and 1 are the two ends of the wire. $FLOWS flows are remembered in each direction; those that were silent for
// $TIMEOUT seconds are forgotten.
//
//   clicklet boot flow-monitor.click --name monitor --port tap:a --port tap:b -d
//   clicklet handler monitor from0.top          the ten flows that sent most from port 0: source and port, destination
//                                               and port, protocol, packets, bytes, milliseconds
//   clicklet handler monitor from0.flows        how many there are
//   clicklet handler monitor web1.byte_count    bytes of answers of web servers behind port 1

define($FLOWS 4096, $TIMEOUT 60);

// IP goes through the meter and is told apart by service; the rest of the frames passes beside it.
elementclass Watch {
  input -> kind :: Classifier(12/0800, 12/86dd, 12/0806, -);
  kind[0] -> MarkIPHeader(14) -> [0] output;
  kind[1] -> ip6 :: Counter -> [1] output;
  kind[2] -> arp :: Counter -> [1] output;
  kind[3] -> other :: Counter -> [1] output;
}

elementclass Services {
  input -> kind :: IPClassifier(tcp or udp port 443, udp port 53, icmp, -);
  kind[0] -> kind2 :: IPClassifier(port 80 or port 443, -);
  kind2[0] -> [0] output;   kind2[1] -> [3] output;
  kind[1] -> [1] output;    kind[2] -> [2] output;    kind[3] -> [3] output;
}

FromDevice(0, SNAPLEN 9216) -> rate0 :: AverageCounter -> w0 :: Watch;
FromDevice(1, SNAPLEN 9216) -> rate1 :: AverageCounter -> w1 :: Watch;
to0 :: Queue(512) -> ToDevice(0);
to1 :: Queue(512) -> ToDevice(1);

w0[0] -> from0 :: IPFlowMeter(CAPACITY $FLOWS, TIMEOUT $TIMEOUT) -> s0 :: Services;   w0[1] -> to1;
w1[0] -> from1 :: IPFlowMeter(CAPACITY $FLOWS, TIMEOUT $TIMEOUT) -> s1 :: Services;   w1[1] -> to0;

s0[0] -> web0 :: Counter -> to1;   s0[1] -> dns0 :: Counter -> to1;
s0[2] -> icmp0 :: Counter -> to1;  s0[3] -> rest0 :: Counter -> to1;
s1[0] -> web1 :: Counter -> to0;   s1[1] -> dns1 :: Counter -> to0;
s1[2] -> icmp1 :: Counter -> to0;  s1[3] -> rest1 :: Counter -> to0;
