// A wire between two ports: what comes in on one leaves on the other. The floor of what a virtual router costs.
//
//   clicklet boot wire.click --name wire --port tap:a --port tap:b -d

FromDevice(0, SNAPLEN 9216) -> c0 :: Counter -> ToDevice(1);
FromDevice(1, SNAPLEN 9216) -> c1 :: Counter -> ToDevice(0);
