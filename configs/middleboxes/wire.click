// A wire between two ports: what comes in on one leaves on the other. The floor of what a virtual router costs.
//
//   clicklet boot wire.click --name wire --port tap:a --port tap:b -d

FromDevice(0) -> c0 :: Counter -> ToDevice(1);
FromDevice(1) -> c1 :: Counter -> ToDevice(0);
