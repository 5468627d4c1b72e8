// The GPU side.
#include "kernels/calibrate/probes/probes.cuh"
